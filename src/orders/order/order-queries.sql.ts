import type { Order, Status } from "./order.ts";

/** The reads of the table `orders`. `orders.sql.ts` writes it. */

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
  amount_due: number | null;
  metadata: string | null;
  extensions: number;
  successor_of: string | null;
  returned: string | null;
  returned_at: number | null;
  idempotency_key: string | null;
  idempotency_owner: string | null;
  payment_window_ms: number | null;
  breached_at: number | null;
}

export function orderFromRow(row: OrderRow): Order {
  return {
    id: row.id,
    customerId: row.customer_id,
    status: row.status,
    reason: row.reason,
    shortages: row.shortages === null ? null : JSON.parse(row.shortages),
    lines: JSON.parse(row.lines),
    total: { amount: row.total_amount, currency: row.currency },
    amountDue: row.amount_due ?? row.total_amount,
    metadata: row.metadata === null ? null : JSON.parse(row.metadata),
    revision: row.revision,
    placedAt_ms: row.placed_at,
    updatedAt_ms: row.updated_at,
    payBy_ms: row.pay_by,
    extensions: row.extensions,
    successorOf: row.successor_of,
    key: row.idempotency_key,
    keyOwner: row.idempotency_owner,
    paymentWindow_ms: row.payment_window_ms,
    returned: row.returned === null ? null : JSON.parse(row.returned),
    returnedAt_ms: row.returned_at,
    awaits: row.awaits,
    breachedAt_ms: row.breached_at,
    dueAt_ms: row.due_at,
    attempts: row.attempts,
    history: JSON.parse(row.history),
  };
}

/** The status of a row as clients see it (`ShownStatus`). */
export const SHOWN_STATUS = "iif(returned_at IS NULL, status, 'returned')";
/** What a payment of a row has to equal. */
export const AMOUNT_DUE = "coalesce(amount_due, total_amount)";

export async function getOrder(db: D1Database, id: string): Promise<Order | null> {
  const row = await db.prepare("SELECT * FROM orders WHERE id = ?").bind(id).first<OrderRow>();
  return row && orderFromRow(row);
}

/** With 50 lines and 4 KB of metadata each, these are 10 MB. */
const MAX_NEWER = 500;

/**
 * Those of these orders that have a later revision than the one named; 0: whatever they have. Of many
 * only the first.
 */
export async function newerOrders(
  db: D1Database,
  known: readonly { id: string; revision: number }[],
): Promise<{ orders: Order[]; isTruncated: boolean }> {
  const { results } = await db
    .prepare(
      `SELECT o.* FROM json_each(?1) AS e JOIN orders AS o ON o.id = e.value->>'id'
       WHERE o.revision > e.value->>'revision' ORDER BY e.key LIMIT ${MAX_NEWER + 1}`,
    )
    .bind(JSON.stringify(known))
    .all<OrderRow>();
  return {
    orders: results.slice(0, MAX_NEWER).map(orderFromRow),
    isTruncated: results.length > MAX_NEWER,
  };
}

/** Orders that `unfinishedOrders` returns, and the newest ones among which it looks. */
const MAX_UNFINISHED = 20;
const UNFINISHED_SCAN = 1_000;

/** The customer's newest pending and confirmed orders with one of these SKUs. */
export async function unfinishedOrders(
  db: D1Database,
  customerId: string,
  skus: readonly string[],
): Promise<Order[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM (SELECT * FROM orders INDEXED BY orders_by_customer
         WHERE customer_id = ?1 ORDER BY id DESC LIMIT ${UNFINISHED_SCAN}) AS o
       WHERE status IN ('pending', 'confirmed') AND EXISTS (SELECT 1 FROM json_each(o.lines) AS l
         WHERE l.value->>'sku' IN (SELECT value FROM json_each(?2)))
       ORDER BY id DESC LIMIT ${MAX_UNFINISHED}`,
    )
    .bind(customerId, JSON.stringify(skus))
    .all<OrderRow>();
  return results.map(orderFromRow);
}

/**
 * Up to `limit` orders of the customer, those that are not finished or not settled first. Reads them
 * all: a customer has some thousands at most.
 */
export async function ordersToErase(
  db: D1Database,
  customerId: string,
  limit: number,
): Promise<Order[]> {
  const { results } = await db
    .prepare(
      `SELECT * FROM orders INDEXED BY orders_by_customer WHERE customer_id = ?1
       ORDER BY status IN ('pending', 'confirmed') OR awaits IS NOT NULL
         OR EXISTS (SELECT 1 FROM returns
           WHERE returns.order_id = orders.id AND returns.due_at IS NOT NULL) DESC
       LIMIT ?2`,
    )
    .bind(customerId, limit)
    .all<OrderRow>();
  return results.map(orderFromRow);
}

/** The earliest `due_at` of an order or a return; null if none has one. */
export async function earliestDue(db: D1Database): Promise<number | null> {
  const row = await db
    .prepare(
      `SELECT min(due_at) AS due_at FROM (
         SELECT min(due_at) AS due_at FROM orders WHERE due_at IS NOT NULL
         UNION ALL SELECT min(due_at) FROM returns WHERE due_at IS NOT NULL)`,
    )
    .first<{ due_at: number | null }>();
  return row?.due_at ?? null;
}

/** The present state of those of these orders whose customer is present. */
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

export async function ordersById(db: D1Database, ids: readonly string[]) {
  const { results } = await selectOrders(db, [...new Set(ids)]).all<OrderRow>();
  return new Map(results.map((row) => [row.id, orderFromRow(row)]));
}
