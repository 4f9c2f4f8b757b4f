import { MINUTE_MS } from "../items/level-trust.ts";

/** The rounds in which the items are asked for their levels. No I/O. */

/** A round over the items that refuse orders. Ends when each was looked at and, if due, asked. */
export interface LevelRound {
  /** The last SKU that was looked at; '' at the start. */
  after: string;
  /** When the round began; 0: the next minute begins one. */
  began_ms: number;
  /** Items that this round has looked at so far. */
  met: number;
  /** Items of the last round. */
  size: number;
  /** How long the last round took. */
  took_ms: number;
}

export const NO_ROUND: LevelRound = {
  after: "",
  began_ms: 0,
  met: 0,
  size: 0,
  took_ms: MINUTE_MS,
};

/** The round after a minute in which `seen` items were looked at, up to `next`; '' ends the round. */
export function roundAfter(
  round: LevelRound,
  { seen, next }: { seen: number; next: string },
  now_ms: number,
): LevelRound {
  const began_ms = round.began_ms || now_ms;
  const met = round.met + seen;
  if (next !== "") return { ...round, after: next, began_ms, met };
  return { ...NO_ROUND, size: met, took_ms: minutes_ms(now_ms - began_ms + MINUTE_MS) };
}

/**
 * How long a round takes: as the last one did, or as this one will at least. In whole minutes.
 * `left_minutes`: for the items that are known to have to be asked still.
 */
export function lengthOf_ms(
  { took_ms, began_ms }: LevelRound,
  now_ms: number,
  left_minutes = 0,
): number {
  const until_now_ms = began_ms === 0 ? 0 : now_ms - began_ms + MINUTE_MS;
  return Math.max(took_ms, minutes_ms(until_now_ms + left_minutes * MINUTE_MS));
}

/** Whole minutes, so that a round of the same length writes no row. */
const minutes_ms = (ms: number): number => Math.round(ms / MINUTE_MS) * MINUTE_MS;
