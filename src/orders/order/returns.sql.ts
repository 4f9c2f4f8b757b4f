import type { Actor } from "../../contract/actor.ts";
import { SCAN_ROWS, scanByKey, type TableScan } from "../database/table-scan.ts";
import type { Return, ReturnRequest } from "./return.ts";

/**
 * The table `returns`. A row is its own outbox: it is due until every item has applied it, and the
 * reconciler sends it.
 */

/** Returns of one order. */
export const MAX_RETURNS = 100;

interface ReturnRow {
  id: string;
  order_id: string;
  key_owner: string;
  key: string;
  customer_id: string;
  lines: string;
  restock: 0 | 1;
  reason: string;
  actor: string;
  created_at: number;
  due_at: number | null;
}

export const returnFromRow = (row: unknown): Return => {
  const { order_id, key_owner, customer_id, lines, restock, reason, actor, ...same } =
    row as ReturnRow;
  return {
    id: same.id,
    orderId: order_id,
    keyOwner: key_owner,
    key: same.key,
    customerId: customer_id,
    lines: JSON.parse(lines),
    restock: restock === 1,
    reason,
    actor: JSON.parse(actor),
    createdAt_ms: same.created_at,
    isApplied: same.due_at === null,
  };
};

export interface NewReturn extends ReturnRequest {
  id: string;
  actor: Actor;
  /** The caller's `sub`, to which the key belongs. */
  keyOwner: string;
  key: string;
}

/** Units of the order `o` that a return (`?3`) may not name: more than are sold and not returned. */
const EXCEEDS = `EXISTS (SELECT 1 FROM json_each(?3) AS r
  LEFT JOIN json_each(o.lines) AS l ON l.value->>'sku' = r.value->>'sku'
  WHERE r.value->>'quantity' > coalesce(l.value->>'quantity', 0)
    - coalesce((SELECT t.value FROM json_each(o.returned) AS t WHERE t.key = r.value->>'sku'), 0))`;

/**
 * Records a return if its key is free, its order is paid and none of its lines names more units than
 * are still sold: D1 alone judges that, so two returns of the last unit cannot both be recorded. It is
 * due since ever: dated by a clock that ran ahead, it would wait until the reconciler's is there.
 */
export function insertReturn(db: D1Database, made: NewReturn, now_ms: number): D1PreparedStatement {
  const { id, orderId, lines, restock, reason, actor, keyOwner, key } = made;
  return db
    .prepare(
      `INSERT INTO returns (id, order_id, key_owner, key, lines, restock, reason, actor, created_at,
         due_at)
       SELECT ?1, o.id, ?4, ?5, ?3, ?6, ?7, ?8, ?9, 0 FROM orders AS o
       WHERE o.id = ?2 AND o.status = 'paid' AND NOT ${EXCEEDS}
         AND (SELECT count(*) FROM returns WHERE order_id = o.id) < ${MAX_RETURNS}
       ON CONFLICT (key_owner, key) DO NOTHING`,
    )
    .bind(
      id,
      orderId,
      JSON.stringify(lines),
      keyOwner,
      key,
      restock ? 1 : 0,
      reason,
      JSON.stringify(actor),
      now_ms,
    );
}

/** Housekeeping deletes a return after its order, and its key is taken until then. */
const WITH_CUSTOMER = `SELECT returns.*, orders.customer_id FROM returns
  LEFT JOIN orders ON orders.id = returns.order_id`;

export function selectReturnByKey(
  db: D1Database,
  { keyOwner, key }: Pick<NewReturn, "keyOwner" | "key">,
): D1PreparedStatement {
  return db.prepare(`${WITH_CUSTOMER} WHERE key_owner = ? AND key = ?`).bind(keyOwner, key);
}

/** Oldest first; at most `MAX_RETURNS`. */
export async function returnsOf(db: D1Database, orderId: string): Promise<Return[]> {
  const { results } = await db
    .prepare(`${WITH_CUSTOMER} WHERE order_id = ? ORDER BY returns.id LIMIT ${MAX_RETURNS}`)
    .bind(orderId)
    .all();
  return results.map(returnFromRow);
}

/**
 * Claims up to `limit` due returns, oldest first, and sets their next `due_at` by their backoff (5,
 * 10, 20, 40, then 60 s, times `jitter`), as `claimDue` does for orders.
 */
export async function claimDueReturns(
  db: D1Database,
  { now_ms, limit, jitter }: { now_ms: number; limit: number; jitter: number },
): Promise<Return[]> {
  const { results } = await db
    .prepare(
      `UPDATE returns SET attempts = attempts + 1,
         due_at = CAST(?1 + min(60000, 5000 << min(attempts, 4)) * ?3 AS INTEGER)
       WHERE id IN (SELECT id FROM returns WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2)
       RETURNING *, (SELECT customer_id FROM orders WHERE orders.id = order_id) AS customer_id`,
    )
    .bind(now_ms, limit, jitter)
    .all();
  return results.map(returnFromRow);
}

/** Has returns that an item contradicts sent again no sooner than at `due_ms`. */
export const delayReturns = (
  db: D1Database,
  ids: readonly string[],
  due_ms: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE returns SET due_at = ?2
       WHERE id IN (SELECT value FROM json_each(?1)) AND due_at IS NOT NULL`,
    )
    .bind(JSON.stringify(ids), due_ms);

/** Has all returns of these orders sent again, now. An item that has applied one says so again. */
export async function requeueReturns(
  db: D1Database,
  orderIds: readonly string[],
  now_ms: number,
): Promise<void> {
  await db
    .prepare(
      `UPDATE returns SET due_at = ?2, attempts = 0
       WHERE order_id IN (SELECT value FROM json_each(?1))`,
    )
    .bind(JSON.stringify(orderIds), now_ms)
    .run();
}

/** Records that every item has applied these returns. */
export function acknowledgeReturns(db: D1Database, ids: readonly string[]): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE returns SET due_at = NULL
       WHERE id IN (SELECT value FROM json_each(?1)) AND due_at IS NOT NULL`,
    )
    .bind(JSON.stringify(ids));
}

/** Those of these orders of which a return is not applied yet. */
export async function ordersReturning(
  db: D1Database,
  ids: readonly string[],
): Promise<Set<string>> {
  const { results } = await db
    .prepare(
      `SELECT DISTINCT order_id AS id FROM json_each(?1) AS e
         JOIN returns ON returns.order_id = e.value WHERE due_at IS NOT NULL`,
    )
    .bind(JSON.stringify(ids))
    .all<{ id: string }>();
  return new Set(results.map(({ id }) => id));
}

/** Deletes the returns of orders that are deleted. */
export function deleteOrphanedReturns(db: D1Database): TableScan {
  const rows = `SELECT * FROM returns WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ${SCAN_ROWS}`;
  return scanByKey(db, {
    seen: db.prepare(`SELECT max(id) AS last, count(*) AS n FROM (${rows})`),
    gone: db.prepare(
      `DELETE FROM returns WHERE id IN (SELECT id FROM (${rows}) AS r
         WHERE NOT EXISTS (SELECT 1 FROM orders WHERE orders.id = r.order_id))`,
    ),
    before: "g",
  });
}
