import { orderIdFloor } from "../contract/order-id.ts";
import type { Order, Status } from "./order.ts";
import type { Policy } from "./policy.ts";

/** Reads of the table `orders`; transitions.sql.ts and place.sql.ts write it. */

export interface OrderRow {
  id: string;
  customer_id: string;
  status: Status;
  reason: Order["reason"];
  lines: string;
  shortages: string | null;
  total_amount: number;
  currency: string;
  revision: number;
  placed_at: number;
  updated_at: number;
  pay_by: number | null;
  awaits: Order["awaits"];
  due_at: number | null;
  attempts: number;
  history: string;
}

export function orderOf(row: OrderRow): Order {
  return {
    id: row.id,
    customerId: row.customer_id,
    status: row.status,
    reason: row.reason,
    shortages: row.shortages === null ? null : JSON.parse(row.shortages),
    lines: JSON.parse(row.lines),
    total: { amount: row.total_amount, currency: row.currency },
    revision: row.revision,
    placedAt_ms: row.placed_at,
    updatedAt_ms: row.updated_at,
    payBy_ms: row.pay_by,
    awaits: row.awaits,
    dueAt_ms: row.due_at,
    attempts: row.attempts,
    history: JSON.parse(row.history),
  };
}

export async function getOrder(db: D1Database, id: string): Promise<Order | null> {
  const row = await db.prepare("SELECT * FROM orders WHERE id = ?").bind(id).first<OrderRow>();
  return row && orderOf(row);
}

export interface OrderQuery {
  customerId: string;
  status: Status | null;
  /** Id of the last order of the page before; null for the first page. */
  before: string | null;
  limit: number;
}

/** Newest first. Walks the customer's index, so a rare status costs at most their own orders. */
export async function listOrders(db: D1Database, query: OrderQuery): Promise<Order[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM orders INDEXED BY orders_by_customer
       WHERE customer_id = ?1 AND id < coalesce(?2, '~') AND (?3 IS NULL OR status = ?3)
       ORDER BY id DESC LIMIT ?4`,
    )
    .bind(query.customerId, query.before, query.status, query.limit)
    .all<OrderRow>();
  return results.map(orderOf);
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
  for: keyof typeof DUE_FOR;
  now_ms: number;
  limit: number;
  /** 0.75–1, so that what came due together does not come back together. */
  spread: number;
}

/**
 * Takes up to `limit` of the orders that are due, oldest first, and moves each on by its backoff
 * (5, 10, 20, 40, then 60 s, times `spread`; not past its lock deadline), so that a pass which dies
 * here has only postponed them, and two passes never hold the same order.
 */
export async function claimDue(
  db: D1Database,
  { lockDeadline_ms }: Pick<Policy, "lockDeadline_ms">,
  { for: need, now_ms, limit, spread }: Claim,
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
    .bind(now_ms, limit, spread, lockDeadline_ms, placedBefore)
    .all<OrderRow>();
  return results.map(orderOf);
}

/** The earliest `due_at` of all orders; null when none is due. */
export async function earliestDue(db: D1Database): Promise<number | null> {
  const row = await db
    .prepare("SELECT min(due_at) AS due_at FROM orders WHERE due_at IS NOT NULL")
    .first<{ due_at: number | null }>();
  return row?.due_at ?? null;
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
