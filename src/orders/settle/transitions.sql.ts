import type { Shortage } from "../../contract/stock-events.ts";
import {
  type Awaits,
  dueAfter,
  payByFor,
  type Reason,
  TRANSITIONS,
  type TransitionName,
} from "../order.ts";
import { countTransition } from "../operations/minutes.sql.ts";
import type { Policy } from "../policy.ts";

/** The writes that move orders along. Each is conditional: D1 is the single judge of an order's life. */

/** An order to move; only a refusal has a reason and shortages of its own. */
export interface Entry {
  id: string;
  reason?: Reason;
  shortages?: Shortage[];
}

export interface Clock {
  policy: Policy;
  now_ms: number;
}

/** Moves every order of `entries` that stands where the transition starts, and counts the moves. */
export function transition(
  db: D1Database,
  name: TransitionName,
  entries: readonly Entry[],
  clock: Clock,
): D1PreparedStatement[] {
  return [count(db, name, entries, clock), update(db, name, entries, clock, "")];
}

/** The same; the second statement answers with the rows that moved. */
export function transitionReturning(
  db: D1Database,
  name: TransitionName,
  entries: readonly Entry[],
  clock: Clock,
): D1PreparedStatement[] {
  return [count(db, name, entries, clock), update(db, name, entries, clock, "RETURNING *")];
}

/** What a transition asks beyond the status; `?2` is now. Nobody pays for what costs nothing. */
const alsoIf = (name: TransitionName): string =>
  name === "expire" ? "AND pay_by <= ?2 AND total_amount > 0" : "";

function count(
  db: D1Database,
  name: TransitionName,
  entries: readonly Entry[],
  { now_ms }: Clock,
): D1PreparedStatement {
  const ids = entries.map(({ id }) => id);
  return countTransition(db, name, ids, now_ms, alsoIf(name));
}

function update(
  db: D1Database,
  name: TransitionName,
  entries: readonly Entry[],
  { policy, now_ms }: Clock,
  returning: "" | "RETURNING *",
): D1PreparedStatement {
  const { from, to, reason, awaits } = TRANSITIONS[name];
  const payBy_ms = name === "confirm" ? payByFor(policy, now_ms) : null;
  const statuses = from.map((status) => `'${status}'`).join(", ");
  const due = name === "confirm" ? "iif(total_amount > 0, ?6, NULL)" : "?6";
  return db
    .prepare(
      `UPDATE orders SET status = ?3, reason = e.reason, shortages = e.shortages,
         revision = revision + 1, updated_at = ?2, pay_by = iif(total_amount > 0, ?4, NULL),
         awaits = ?5, due_at = ${due},
         attempts = 0,
         history = json_insert(history, '$[#]', json_object('revision', revision + 1,
           'status', ?3, 'reason', e.reason, 'at_ms', CAST(?2 AS INTEGER)))
       FROM (SELECT value->>'id' AS id, coalesce(value->>'reason', ?7) AS reason,
               value->'shortages' AS shortages FROM json_each(?1)) AS e
       WHERE orders.id = e.id AND orders.status IN (${statuses}) ${alsoIf(name)}
       ${returning}`,
    )
    .bind(
      JSON.stringify(entries),
      now_ms,
      to,
      payBy_ms,
      awaits,
      dueAfter(name, payBy_ms, now_ms),
      reason,
    );
}

const STATUS_AWAITING = { release: "cancelled", commit: "paid" } as const;

/** The stock items have done what these orders awaited. No transition: the revision stays. */
export function acknowledge(
  db: D1Database,
  awaits: Exclude<Awaits, "lock">,
  ids: readonly string[],
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET awaits = NULL, due_at = NULL, attempts = 0
       WHERE id IN (SELECT value FROM json_each(?1)) AND status = ?2 AND awaits = ?3`,
    )
    .bind(JSON.stringify(ids), STATUS_AWAITING[awaits], awaits);
}

/** Puts off the next look at orders that owe nothing now. */
export function postpone(
  db: D1Database,
  entries: readonly { id: string; due_ms: number | null }[],
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET due_at = e.due_at
       FROM (SELECT value->>'id' AS id, value->>'due_ms' AS due_at FROM json_each(?1)) AS e
       WHERE orders.id = e.id AND orders.awaits IS NULL`,
    )
    .bind(JSON.stringify(entries));
}

/** Of these orders the ones whose customer is present, as they stand. */
export function selectPresent(db: D1Database, ids: readonly string[]): D1PreparedStatement {
  return db
    .prepare(
      `SELECT o.* FROM json_each(?1) AS e
         JOIN orders AS o ON o.id = e.value
         JOIN presence AS p ON p.customer_id = o.customer_id`,
    )
    .bind(JSON.stringify(ids));
}

export function selectOrders(db: D1Database, ids: readonly string[]): D1PreparedStatement {
  return db
    .prepare("SELECT o.* FROM json_each(?1) AS e JOIN orders AS o ON o.id = e.value")
    .bind(JSON.stringify(ids));
}
