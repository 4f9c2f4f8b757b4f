import type { Actor } from "../../contract/actor.ts";
import { orderIdFloor } from "../../contract/order-id.ts";
import type { ErasedOrder } from "../../contract/stock-api.ts";
import type { Shortage } from "../../contract/stock-events.ts";
import type { Policy } from "../config/policy.ts";
import { SCAN_ROWS, scanByKey, type TableScan } from "../database/table-scan.ts";
import { MARK_ORDER, NEXT_CHANGE } from "./changes.sql.ts";
import { countTransition } from "./minutes.sql.ts";
import { AMOUNT_DUE, type OrderRow, orderFromRow } from "./order-queries.sql.ts";
import {
  type Awaits,
  dueAfter,
  type Order,
  payByFor,
  type Reason,
  TRANSITIONS,
  type TransitionName,
} from "./order.ts";
import { HAS_NO_WINDOW, leastWindow, windowEnd } from "./payment-window.sql.ts";

/** All writes of the table `orders`. Each is conditional: D1 alone decides an order's life. */

const PLACED_ENTRY = `json_object('revision', 1, 'status', 'pending', 'reason', NULL,
  'at_ms', CAST(?2 AS INTEGER))`;

/**
 * Inserts the orders that `select` admits. Its columns are `id`, `customer_id`, `lines`, `total`,
 * `currency`, `amount_due`, `metadata`, `payment_window_ms`, `key`, `key_owner`, `actor` (JSON; null:
 * unknown), `trace_id` (null: the order's id is it) and `refusal` (null: admitted). Its parameters are
 * the first four of `values`: the candidates, now, and
 * two of its own. The fifth value is the orders' first `due_at`.
 */
export function insertAdmitted(
  db: D1Database,
  select: string,
  values: readonly [json: string, now_ms: number, own: number, other: number, due_ms: number],
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
         placed_at, updated_at, awaits, due_at, history, amount_due, metadata, payment_window_ms,
         idempotency_key, idempotency_owner, changed_in, changed_from)
       SELECT id, customer_id, 'pending', lines, total, currency, 1, ?2, ?2, 'lock', ?5,
         json_array(json_set(${PLACED_ENTRY}, iif(actor IS NULL, '$.reason', '$.actor'), json(actor),
           iif(trace_id IS NULL, '$.reason', '$.traceId'), trace_id)),
         amount_due, metadata, payment_window_ms, key, key_owner, ${NEXT_CHANGE}, 0
       FROM (${select}) AS candidates WHERE refusal IS NULL
       ON CONFLICT (id) DO NOTHING`,
    )
    .bind(...values);
}

interface Successor {
  id: string;
  of: string;
  now_ms: number;
  due_ms: number;
  window_ms: number;
}

/**
 * Inserts the successor `id` of the expired order for which a late payment waits, if the batch has
 * recorded such a payment. It has the same customer, lines and amounts, and the payment windows of its
 * items as they are now. `window_ms` is the deployment's.
 */
export function insertSuccessor(
  db: D1Database,
  { id, of, now_ms, due_ms, window_ms }: Successor,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
         placed_at, updated_at, awaits, due_at, history, amount_due, metadata, successor_of,
         payment_window_ms, changed_in, changed_from)
       SELECT ?1, customer_id, 'pending', lines, total_amount, currency, 1, ?3, ?3, 'lock', ?4,
         json_array(json_object('revision', 1, 'status', 'pending', 'reason', NULL,
           'at_ms', CAST(?3 AS INTEGER), 'actor', NULL)), amount_due, metadata, id,
         (SELECT ${leastWindow("?5")} FROM json_each(orders.lines) AS l
           LEFT JOIN items AS i ON i.sku = l.value->>'sku'), ${NEXT_CHANGE}, 0
       FROM orders WHERE id = ?2 AND EXISTS (SELECT 1 FROM payments
         WHERE payments.successor_id = ?1 AND payments.order_id = ?2)
       ON CONFLICT (id) DO NOTHING`,
    )
    .bind(id, of, now_ms, due_ms, window_ms);
}

/** The order of a transition. Only a refusal brings its own reason and shortages. */
export interface Entry {
  id: string;
  reason?: Reason;
  shortages?: Shortage[];
}

export interface Clock {
  policy: Policy;
  now_ms: number;
}

export interface TransitionOptions {
  /** Who asked for it. Absent: the system. */
  actor?: Actor;
  /** A further condition on the row of `orders`, as SQL that begins with AND. */
  alsoIf?: string;
  /** When the reconciler looks at the order next, if not as usual. */
  due_ms?: number;
  returning?: "" | "RETURNING *";
}

/** Appends an entry to `history`. `fields`: further members of the entry, as SQL. */
export const appendHistory = (status: string, reason: string, fields: string): string =>
  `json_insert(history, '$[#]', json_object('revision', revision + 1, 'status', ${status},
    'reason', ${reason}, 'at_ms', CAST(?2 AS INTEGER), ${fields}))`;

/**
 * Makes a transition of those `entries` that have its initial status, and counts them. The UPDATE is
 * the last statement, and returns the changed rows if `returning` says so.
 */
export function transition(
  db: D1Database,
  name: TransitionName,
  entries: readonly Entry[],
  { policy, now_ms }: Clock,
  { actor, alsoIf: condition = "", due_ms: ownDue_ms, returning = "" }: TransitionOptions = {},
): D1PreparedStatement[] {
  const { from, to, reason, awaits } = TRANSITIONS[name];
  const payBy_ms = name === "confirm" ? payByFor(policy, now_ms) : null;
  const statuses = from.map((status) => `'${status}'`).join(", ");
  // An order with an amount due of 0 needs no payment and never expires.
  const isUnpaid = `AND pay_by <= ?2 AND ${AMOUNT_DUE} > 0`;
  const alsoIf = name === "expire" ? `${isUnpaid} ${condition}` : condition;
  const [payBy, due] = name === "confirm" ? [windowEnd("?4"), windowEnd("?6")] : ["?4", "?6"];
  const due_ms = ownDue_ms ?? dueAfter(name, payBy_ms, now_ms);
  const update = db
    .prepare(
      `UPDATE orders SET status = ?3, reason = e.reason, shortages = e.shortages,
         ${MARK_ORDER}, revision = revision + 1, updated_at = ?2, pay_by = ${payBy},
         awaits = ?5, due_at = ${due},
         attempts = 0,
         history = ${appendHistory("?3", "e.reason", "'actor', json(?8)")}
       FROM (SELECT value->>'id' AS id, coalesce(value->>'reason', ?7) AS reason,
               value->'shortages' AS shortages FROM json_each(?1)) AS e
       WHERE orders.id = e.id AND orders.status IN (${statuses}) ${alsoIf}
       ${returning}`,
    )
    .bind(JSON.stringify(entries), now_ms, to, payBy_ms, awaits, due_ms, reason, jsonOf(actor));
  const ids = entries.map(({ id }) => id);
  return [countTransition(db, name, ids, now_ms, alsoIf), update];
}

const jsonOf = (actor: Actor | undefined): string | null =>
  actor === undefined ? null : JSON.stringify(actor);

const STATUS_AWAITING = { release: "cancelled", commit: "paid" } as const;

/** Records that stock has done what these orders awaited. Not a transition, so the revision stays. */
export function acknowledge(
  db: D1Database,
  awaits: Exclude<Awaits, "lock">,
  ids: readonly string[],
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET awaits = NULL, due_at = NULL, attempts = 0, breached_at = NULL
       WHERE id IN (SELECT value FROM json_each(?1)) AND status = ?2 AND awaits = ?3`,
    )
    .bind(JSON.stringify(ids), STATUS_AWAITING[awaits], awaits);
}

/** Marks orders whose command an item contradicts. It is sent again no sooner than at `due_ms`. */
export const delayBreached = (
  db: D1Database,
  ids: readonly string[],
  { due_ms, now_ms }: { due_ms: number; now_ms: number },
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE orders SET due_at = ?2, breached_at = coalesce(breached_at, ?3)
       WHERE id IN (SELECT value FROM json_each(?1)) AND awaits IS NOT NULL`,
    )
    .bind(JSON.stringify(ids), due_ms, now_ms);

/** Sets the next `due_at`, or none, of orders that await nothing. */
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
 * Due orders that need a transition, because its time has come, and those that need a command to
 * stock. The lock deadline is compared with the id, which holds the time of placing and is part of
 * the index `orders_due`. So the query reads no other rows even when many orders wait for stock.
 */
const DUE_FOR = {
  transition: "(awaits IS NULL OR awaits = 'lock' AND id < ?5)",
  stock: "awaits IS NOT NULL AND NOT (awaits = 'lock' AND id < ?5)",
} as const;

export interface Claim {
  needs: keyof typeof DUE_FOR;
  now_ms: number;
  limit: number;
  /** 0.75–1, so that orders that are due together do not all come back together. */
  jitter: number;
}

/**
 * Claims up to `limit` due orders, oldest first, and sets each order's next `due_at` by its backoff
 * (5, 10, 20, 40, then 60 s, times `jitter`, but not past its lock deadline). So a pass that dies
 * after this only delays its orders, and two passes never hold the same order.
 */
export async function claimDue(
  db: D1Database,
  { lockDeadline_ms }: Pick<Policy, "lockDeadline_ms">,
  { needs: need, now_ms, limit, jitter }: Claim,
): Promise<Order[]> {
  // The deadline has also passed for ids of the very millisecond that it names.
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

/** Makes those of these orders due now that await something. */
export async function makeDue(db: D1Database, ids: string[], now_ms: number): Promise<void> {
  await db
    .prepare(
      `UPDATE orders SET due_at = ?2, attempts = 0, breached_at = NULL
       WHERE id IN (SELECT value FROM json_each(?1)) AND awaits IS NOT NULL`,
    )
    .bind(JSON.stringify(ids), now_ms)
    .run();
}

/**
 * Makes these orders due, awaiting again the command that their status calls for: stock may repeat
 * every command. A confirmed order calls for none, so it stays, and the caller only reports it.
 */
export async function requeueCommands(db: D1Database, ids: readonly string[], now_ms: number) {
  const { meta } = await db
    .prepare(
      `UPDATE orders SET due_at = ?2, attempts = 0, breached_at = NULL,
         awaits = CASE status WHEN 'pending' THEN 'lock' WHEN 'paid' THEN 'commit' ELSE 'release' END
       WHERE id IN (SELECT value FROM json_each(?1)) AND status <> 'confirmed'`,
    )
    .bind(JSON.stringify(ids), now_ms)
    .run();
  return meta.changes;
}

/**
 * Opens a payment window for those of these orders that were confirmed without one. The change is a
 * revision, so that the customer learns of it.
 */
export function openPaymentWindows(
  db: D1Database,
  ids: readonly string[],
  { payBy_ms, now_ms }: { payBy_ms: number; now_ms: number },
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET pay_by = ${windowEnd("?3")}, due_at = ${windowEnd("?3")}, updated_at = ?2, ${MARK_ORDER}, revision = revision + 1,
         history = ${appendHistory("status", "reason", "'actor', NULL, 'step', 'window_opened'")}
       WHERE id IN (SELECT value FROM json_each(?1)) AND ${HAS_NO_WINDOW}`,
    )
    .bind(JSON.stringify(ids), now_ms, payBy_ms);
}

/** How often a payment window may be extended. */
const MAX_EXTENSIONS = 3;

/**
 * Moves the end of a confirmed order's payment window. Against the expiry it is judged here: whichever
 * commits first wins.
 */
export function extendPaymentWindow(
  db: D1Database,
  { id, by_ms, actor }: { id: string; by_ms: number; actor: Actor },
  now_ms: number,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET pay_by = pay_by + ?3, due_at = pay_by + ?3, attempts = 0,
         extensions = extensions + 1, updated_at = ?2, ${MARK_ORDER}, revision = revision + 1,
         history = ${appendHistory("status", "reason", "'actor', json(?4), 'step', 'extended'")}
       WHERE id = ?1 AND status = 'confirmed' AND pay_by IS NOT NULL
         AND extensions < ${MAX_EXTENSIONS}`,
    )
    .bind(id, now_ms, by_ms, JSON.stringify(actor));
}

/** Units of the line `l` that are returned with the return `?3`. */
const RETURNED_UNITS = `coalesce((SELECT t.value FROM json_each(orders.returned) AS t
    WHERE t.key = l.value->>'sku'), 0)
  + coalesce((SELECT r.value->>'quantity' FROM returns, json_each(returns.lines) AS r
    WHERE returns.id = ?3 AND r.value->>'sku' = l.value->>'sku'), 0)`;

const RETURNED_BY = `'actor', json((SELECT actor FROM returns WHERE returns.id = ?3)),
  'step', 'returned'`;

/** Adds the units of a return to its order, if the same batch has recorded that return. */
export function addReturned(
  db: D1Database,
  { id, orderId }: { id: string; orderId: string },
  now_ms: number,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET
         returned = (SELECT json_group_object(sku, units) FROM
           (SELECT l.value->>'sku' AS sku, ${RETURNED_UNITS} AS units FROM json_each(orders.lines) AS l)
           WHERE units > 0),
         returned_at = iif(EXISTS (SELECT 1 FROM json_each(orders.lines) AS l
           WHERE l.value->>'quantity' > ${RETURNED_UNITS}), NULL, CAST(?2 AS INTEGER)),
         updated_at = ?2, ${MARK_ORDER}, revision = revision + 1,
         history = ${appendHistory("status", "reason", RETURNED_BY)}
       WHERE id = ?1 AND EXISTS (SELECT 1 FROM returns WHERE returns.id = ?3 AND order_id = ?1)`,
    )
    .bind(orderId, now_ms, id);
}

/** Gives an order another customer (`name`) and takes what names the customer out of it. */
const eraseTo = (name: string): string => `customer_id = ${name}, metadata = NULL,
  idempotency_key = NULL, idempotency_owner = NULL,
  history = (SELECT json_group_array(iif(value->>'$.actor.sub' = orders.customer_id,
      json_set(value, '$.actor.sub', ${name}), json(value))) FROM json_each(history))`;

/** Erases finished orders. The status is judged here once more, in case the customer has ordered meanwhile. */
export function eraseOrders(
  db: D1Database,
  { customerId, erasedId, ids }: { customerId: string; erasedId: string; ids: readonly string[] },
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET ${eraseTo("?2")}
       WHERE customer_id = ?1 AND id IN (SELECT value FROM json_each(?3))
         AND status IN ('paid', 'cancelled') AND awaits IS NULL`,
    )
    .bind(customerId, erasedId, JSON.stringify(ids));
}

/**
 * Erases orders whose customers were erased before the database was put back, whatever their status is
 * now: their items have the new names already.
 */
export const eraseAgain = (db: D1Database, orders: readonly ErasedOrder[]): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE orders SET ${eraseTo("e.name")}
       FROM (SELECT value->>'orderId' AS id, value->>'erasedId' AS name FROM json_each(?1)) AS e
       WHERE orders.id = e.id`,
    )
    .bind(JSON.stringify(orders));

/**
 * Inserts orders that a database which was put back has lost, as pending. `rows`: JSON list. One that is
 * there, and a second successor, stays out.
 */
export function insertRebuilt(
  db: D1Database,
  rows: string,
  actor: Actor,
  now_ms: number,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
         placed_at, updated_at, awaits, due_at, history, amount_due, payment_window_ms,
         idempotency_key, idempotency_owner, successor_of, changed_in, changed_from)
       SELECT value->>'id', value->>'customer', 'pending', value->>'lines', value->>'total',
         value->>'currency', 1, value->>'at', ?2, 'lock', ?2,
         json_array(json_object('revision', 1, 'status', 'pending', 'reason', NULL,
           'at_ms', value->>'at', 'actor', json(?3))),
         value->>'amountDue', value->>'window', value->>'key', value->>'keyOwner',
         value->>'successorOf', ${NEXT_CHANGE}, 0
       FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`,
    )
    .bind(rows, now_ms, JSON.stringify(actor));
}

/**
 * Clients ignore a lower revision than one they have seen, and they may have seen any that was lost:
 * placing, confirming, paying, 3 extensions and 100 returns are fewer than this.
 */
const LOST_REVISIONS = 1_000;

/** A window that was extended, or that began later than the database says, begins anew. */
const REOPENED = "iif(pay_by IS NULL, NULL, max(pay_by, ?2 + coalesce(payment_window_ms, ?3)))";

/** Leaves out the revisions that unfinished orders may have had before the database was put back. */
export function skipRevisions(
  db: D1Database,
  ids: readonly string[],
  { policy, now_ms, actor }: Clock & { actor: Actor },
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE orders SET revision = revision + ${LOST_REVISIONS}, updated_at = ?2,
         pay_by = ${REOPENED}, due_at = coalesce(${REOPENED}, due_at),
         history = json_insert(history, '$[#]', json_object(
           'revision', revision + ${LOST_REVISIONS}, 'status', status, 'reason', reason,
           'at_ms', CAST(?2 AS INTEGER), 'actor', json(?4), 'step', 'recovered'))
       WHERE id IN (SELECT value FROM json_each(?1)) AND status IN ('pending', 'confirmed')`,
    )
    .bind(JSON.stringify(ids), now_ms, policy.paymentWindow_ms, JSON.stringify(actor));
}

/**
 * Deletes finished orders that nothing has happened to since a time, except those that still await
 * something. An order may end long after it was placed, with a payment window of months, and late money
 * and returns have to find it. The id, which holds the time of placing, only bounds the scan.
 */
export function deleteFinishedOrders(db: D1Database, cutoff_ms: number): TableScan {
  const rows = `SELECT * FROM orders WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ${SCAN_ROWS}`;
  return scanByKey(db, {
    seen: db.prepare(`SELECT max(id) AS last, count(*) AS n FROM (${rows})`),
    gone: db.prepare(
      `DELETE FROM orders WHERE id IN
         (SELECT id FROM (${rows}) AS o WHERE status IN ('paid', 'cancelled') AND awaits IS NULL
           AND updated_at < ?3 AND NOT EXISTS (SELECT 1 FROM returns
             WHERE returns.order_id = o.id AND returns.due_at IS NOT NULL))`,
    ),
    before: orderIdFloor(cutoff_ms),
    cutoff_ms,
  });
}
