import type { Order } from "../order.ts";
import { type OrderRow, orderOf } from "../orders.sql.ts";

/** The table `presence`, and the orders that a feed shows. Only CustomerFeed uses these. */

/** Orders one snapshot holds at most. */
export const MAX_SNAPSHOT_ORDERS = 200;
/** Orders of a customer, newest first, that a snapshot looks through. */
const SNAPSHOT_SCAN = 1_000;

const DAY_MS = 86_400_000;

export interface Snapshot {
  /** Newest first. */
  orders: Order[];
  /** There may be more: GET /v1/orders has them. */
  isTruncated: boolean;
}

/**
 * Marks the customer as present (anew once a day) and then reads the snapshot, unfinished orders
 * and those updated since `since_ms` (null: no others), in one transaction: a change is
 * either in the snapshot or is settled by somebody who sees the mark and tells the feed.
 */
export async function markPresent(
  db: D1Database,
  customerId: string,
  { since_ms, now_ms }: { since_ms: number | null; now_ms: number },
): Promise<Snapshot> {
  const mark = db
    .prepare(
      `INSERT INTO presence (customer_id, since) VALUES (?, ?)
       ON CONFLICT (customer_id) DO UPDATE SET since = excluded.since
       WHERE since < excluded.since - ${DAY_MS}`,
    )
    .bind(customerId, now_ms);
  const [, ...rest] = await db.batch<OrderRow>([mark, ...selectSnapshot(db, customerId, since_ms)]);
  return snapshotOf(rest);
}

export async function markAbsent(db: D1Database, customerId: string): Promise<void> {
  await db.prepare("DELETE FROM presence WHERE customer_id = ?").bind(customerId).run();
}

function selectSnapshot(db: D1Database, customerId: string, since_ms: number | null) {
  return [
    db
      .prepare(
        `SELECT * FROM (SELECT * FROM orders INDEXED BY orders_by_customer
           WHERE customer_id = ?1 ORDER BY id DESC LIMIT ${SNAPSHOT_SCAN})
         WHERE status IN ('pending', 'confirmed') OR updated_at >= ?2
         LIMIT ${MAX_SNAPSHOT_ORDERS + 1}`,
      )
      .bind(customerId, since_ms ?? Number.MAX_SAFE_INTEGER),
    db
      .prepare(
        `SELECT id FROM orders INDEXED BY orders_by_customer
         WHERE customer_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ${SNAPSHOT_SCAN}`,
      )
      .bind(customerId),
  ];
}

function snapshotOf([shown, beyond]: D1Result<OrderRow>[]): Snapshot {
  const rows = shown?.results ?? [];
  return {
    orders: rows.slice(0, MAX_SNAPSHOT_ORDERS).map(orderOf),
    isTruncated: rows.length > MAX_SNAPSHOT_ORDERS || (beyond?.results.length ?? 0) > 0,
  };
}
