import { table } from "../lib/markdown.ts";
import type { Sequence } from "./sequence.ts";
import { type CountedTrips, PLACE } from "./trips.ts";

/**
 * Assumed round trips. The user is on another continent than the database, as most users of a shop
 * for everyone are; a Worker that is not placed runs at the location nearest to the user.
 */
const ROUND_TRIPS_MS = {
  /** User to the nearest location of the platform. */
  user: 20,
  /** From there to the region of the database. */
  wide: 150,
  /** Of a call within that region. */
  near: 2,
} as const;

interface Placing {
  wide: number;
  ms: number;
}

/** One wide trip, in which all calls are made beside the database. */
const placed = ({ all }: Sequence): Placing => {
  const { user, wide, near } = ROUND_TRIPS_MS;
  return { wide: 1, ms: user + wide + all * near };
};

/** A wide trip for each call of the Worker; what objects call is beside them. */
const unplaced = ({ all, fromWorker }: Sequence): Placing => {
  const { user, wide, near } = ROUND_TRIPS_MS;
  return { wide: fromWorker, ms: user + fromWorker * wide + (all - fromWorker) * near };
};

const cell = ({ wide, ms }: Placing): string => `${wide} · ${ms}`;

/** Each cell: wide-area trips from the platform's nearest location on, and milliseconds in all. */
function tripsTable({ lockstock, baselines }: CountedTrips): string {
  const names = Object.keys(baselines);
  const head = [
    "wide trips · ms",
    "calls in sequence",
    "placed beside D1",
    "not placed",
    ...names.map((name) => `${name}, not placed`),
  ];
  const rows = lockstock.map(({ call, ...sequence }) => [
    call,
    String(sequence.all),
    cell(placed(sequence)),
    cell(unplaced(sequence)),
    ...names.map((name) => {
      const own = baselines[name];
      return call === PLACE && own ? cell(unplaced(own)) : "–";
    }),
  ]);
  return table(head, rows);
}

/** The table, and what it assumes. */
export function tripsText(counted: CountedTrips): string {
  const { user, wide, near } = ROUND_TRIPS_MS;
  const assumed = `Assumed round trips: ${user} ms from the user to the platform's nearest location, ${wide} ms from there to the database's region, ${near} ms for a call within it.`;
  return `${tripsTable(counted)}\n\n${assumed}`;
}
