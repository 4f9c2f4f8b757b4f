import { orderIdFloor } from "../../contract/order-id.ts";
import type { Shortage } from "../../contract/stock-events.ts";
import type { Policy } from "../config/policy.ts";
import { SCAN_ROWS, scanByKey, type TableScan } from "../database/table-scan.ts";
import { countTransition } from "./minutes.sql.ts";
import {
  type Awaits,
  dueAfter,
  type Order,
  payByFor,
  type Reason,
  TRANSITIONS,
  type TransitionName,
} from "./order.ts";
import { type OrderRow, orderFromRow } from "./order-queries.sql.ts";

/**
 * Every write of the table `orders`. Each is conditional: D1 is the single judge of an order's life.
 */

/**
 * Inserts the orders that a SELECT admits: its columns are `id`, `customer_id`, `lines`, `total`,
 * `currency` and `refusal` (null: admitted), its parameters the first three of `values`: candidates,
 * now, and one of its own. The fourth is when the orders are due first.
 */
export function insertAdmitted(
  db: D1Database,
  select: string,
  values: readonly [json: string, now_ms: number, own: number | null, due_ms: number],
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
         placed_at, updated_at, awaits, due_at, history)
       SELECT id, customer_id, 'pending', lines, total, currency, 1, ?2, ?2, 'lock', ?4,
         json_array(json_object('revision', 1, 'status', 'pending', 'reason', NULL,
           'at_ms', CAST(?2 AS INTEGER)))
       FROM (${select}) AS candidates WHERE refusal IS NULL
       ON CONFLICT (id) DO NOTHING`,
    )
    .bind(...values);
}

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

/**
 * Moves every order of `entries` that stands where the transition starts, and counts the moves. The
 * last statement is the UPDATE; with `RETURNING *` it answers with the rows that moved.
 */
export function transition(
  db: D1Database,
  name: TransitionName,
  entries: readonly Entry[],
  clock: Clock,
  returning: "" | "RETURNING *" = "",
): D1PreparedStatement[] {
  const ids = entries.map(({ id }) => id);
  return [
    countTransition(db, name, ids, clock.now_ms, alsoIf(name)),
    update(db, name, entries, clock, returning),
  ];
}

/** What a transition asks beyond the status; `?2` is now. Nobody pays for what costs nothing. */
const alsoIf = (name: TransitionName): string =>
  name === "expire" ? "AND pay_by <= ?2 AND total_amount > 0" : "";

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

/**
 * What a due order needs: a transition that its time has come for, or something of its stock. An
 * order's id tells when it was placed, and is in the index `orders_due`: with a large backlog that
 * waits for its stock, no row of the table is looked at in vain.
 */
const DUE_FOR = {
  transition: "(awaits IS NULL OR awaits = 'lock' AND id < ?5)",
  stock: "awaits IS NOT NULL AND NOT (awaits = 'lock' AND id < ?5)",
} as const;

export interface Claim {
  needs: keyof typeof DUE_FOR;
  now_ms: number;
  limit: number;
  /** 0.75–1, so that what came due together does not come back together. */
  jitter: number;
}

/**
 * Takes up to `limit` of the orders that are due, oldest first, and moves each on by its backoff
 * (5, 10, 20, 40, then 60 s, times `spread`; not past its lock deadline), so that a pass which dies
 * here has only postponed them, and two passes never hold the same order.
 */
export async function claimDue(
  db: D1Database,
  { lockDeadline_ms }: Pick<Policy, "lockDeadline_ms">,
  { needs: need, now_ms, limit, jitter }: Claim,
): Promise<Order[]> {
  // Ids of the very millisecond of the deadline are past it too.
  const placedBefore = lockDeadline_ms === 0 ? "" : orderIdFloor(now_ms - lockDeadline_ms + 1);
  const { results } = await db
    .prepare(
      `UPDATE orders SET attempts = attempts + 1,
         due_at = CAST(min(
           ?1 + min(60000, 5000 << min(attempts, 4)) * ?3,
           CASE WHEN awaits = 'lock' AND ?4 > 0 AND placed_at + ?4 > ?1
             THEN placed_at + ?4 ELSE 9e15 END) AS INTEGER)
       WHERE id IN (SELECT id FROM orders WHERE due_at <= ?1 AND ${DUE_FOR[need]}
         ORDER BY due_at LIMIT ?2)
       RETURNING *`,
    )
    .bind(now_ms, limit, jitter, lockDeadline_ms, placedBefore)
    .all<OrderRow>();
  return results.map(orderFromRow);
}

/** Makes these orders due now, as far as their stock still owes something. */
export async function makeDue(db: D1Database, ids: string[], now_ms: number): Promise<void> {
  await db
    .prepare(
      `UPDATE orders SET due_at = ?2, attempts = 0
       WHERE id IN (SELECT value FROM json_each(?1)) AND awaits IS NOT NULL`,
    )
    .bind(JSON.stringify(ids), now_ms)
    .run();
}
/**
 * Makes these orders due, awaiting what their status calls for though it was acknowledged once:
 * every command may be repeated. A confirmed order calls for nothing, so it is only reported.
 */
export async function requeueCommands(db: D1Database, ids: readonly string[], now_ms: number) {
  const { meta } = await db
    .prepare(
      `UPDATE orders SET due_at = ?2, attempts = 0,
         awaits = CASE status WHEN 'pending' THEN 'lock' WHEN 'paid' THEN 'commit' ELSE 'release' END
       WHERE id IN (SELECT value FROM json_each(?1)) AND status <> 'confirmed'`,
    )
    .bind(JSON.stringify(ids), now_ms)
    .run();
  return meta.changes;
}

/**
 * Gives a payment window to those of the next `limit` orders after an id that were confirmed without
 * one. A revision of its own tells the customer of it.
 */
export function openPaymentWindows(
  db: D1Database,
  {
    after,
    limit,
    payBy_ms,
    now_ms,
  }: Record<"limit" | "payBy_ms" | "now_ms", number> & { after: string },
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET pay_by = ?3, due_at = ?3, updated_at = ?2, revision = revision + 1,
         history = json_insert(history, '$[#]', json_object('revision', revision + 1,
           'status', status, 'reason', reason, 'at_ms', CAST(?2 AS INTEGER)))
       WHERE id IN (SELECT id FROM
           (SELECT id, status, pay_by, total_amount FROM orders WHERE id > ?1 ORDER BY id LIMIT ?4)
         WHERE status = 'confirmed' AND pay_by IS NULL AND total_amount > 0)`,
    )
    .bind(after, now_ms, payBy_ms, limit);
}

/** Deletes orders placed before a time that are finished and whose stock owes nothing. */
export function deleteFinishedOrders(db: D1Database, cutoff_ms: number): TableScan {
  const rows = `SELECT * FROM orders WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ${SCAN_ROWS}`;
  return scanByKey(db, {
    seen: db.prepare(`SELECT max(id) AS last, count(*) AS n FROM (${rows})`),
    gone: db.prepare(
      `DELETE FROM orders WHERE id IN
         (SELECT id FROM (${rows}) WHERE status IN ('paid', 'cancelled') AND awaits IS NULL)`,
    ),
    before: orderIdFloor(cutoff_ms),
  });
}
