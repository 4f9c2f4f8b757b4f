import { SCAN_ROWS, scanByKey, type TableScan } from "../database/table-scan.ts";
import { type OrderRow, orderFromRow } from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";

/** The table `presence`, and the queries of the orders that a feed shows. */

/** Orders in one snapshot. */
export const MAX_SNAPSHOT_ORDERS = 200;
/** A feed reads only this many of a customer's newest orders; GET /v1/orders has the older ones. */
const MAX_SCANNED_ORDERS = 1_000;
const NEWEST = `SELECT * FROM orders INDEXED BY orders_by_customer
  WHERE customer_id = ?1 ORDER BY id DESC LIMIT ${MAX_SCANNED_ORDERS}`;

const DAY_MS = 86_400_000;

export interface Snapshot {
  /** Newest first. */
  orders: Order[];
  /** There may be more orders, which GET /v1/orders has. */
  isTruncated: boolean;
}

/**
 * Marks the customer as present and reads the snapshot in one transaction, so that no change is
 * lost: a change is either in the snapshot, or its writer sees the mark and notifies the feed. The
 * snapshot has the unfinished orders and those updated since `since_ms` (null: no others).
 */
export async function openFeed(
  db: D1Database,
  customerId: string,
  { since_ms, now_ms }: { since_ms: number | null; now_ms: number },
): Promise<Snapshot> {
  const [, shown, beyond] = await db.batch<OrderRow>([
    markPresent(db, customerId, now_ms),
    db
      .prepare(
        `SELECT * FROM (${NEWEST})
         WHERE status IN ('pending', 'confirmed') OR updated_at >= ?2
         ORDER BY id DESC LIMIT ${MAX_SNAPSHOT_ORDERS + 1}`,
      )
      .bind(customerId, since_ms ?? Number.MAX_SAFE_INTEGER),
    db
      .prepare(
        `SELECT id FROM orders INDEXED BY orders_by_customer
         WHERE customer_id = ?1 ORDER BY id DESC LIMIT 1 OFFSET ${MAX_SCANNED_ORDERS}`,
      )
      .bind(customerId),
  ]);
  const rows = shown?.results ?? [];
  return {
    orders: rows.slice(0, MAX_SNAPSHOT_ORDERS).map(orderFromRow),
    isTruncated: rows.length > MAX_SNAPSHOT_ORDERS || (beyond?.results.length ?? 0) > 0,
  };
}

export interface Reread {
  /** Orders updated since `since_ms`, finished or not. */
  changed: Order[];
  /** The latest update of an unfinished order; null when none is unfinished. */
  unfinishedSince_ms: number | null;
}

/** Rereads the orders of an open feed and restores its presence mark if that was lost. */
export async function rereadOrders(
  db: D1Database,
  customerId: string,
  { since_ms, now_ms }: { since_ms: number; now_ms: number },
): Promise<Reread> {
  const [, changed, unfinished] = await db.batch([
    markPresent(db, customerId, now_ms),
    db
      .prepare(`SELECT * FROM (${NEWEST}) WHERE updated_at >= ?2 ORDER BY id`)
      .bind(customerId, since_ms),
    db
      .prepare(
        `SELECT max(updated_at) AS since FROM (${NEWEST}) WHERE status IN ('pending', 'confirmed')`,
      )
      .bind(customerId),
  ]);
  const row = unfinished?.results[0] as { since: number | null } | undefined;
  return {
    changed: ((changed?.results ?? []) as OrderRow[]).map(orderFromRow),
    unfinishedSince_ms: row?.since ?? null,
  };
}

export async function markAbsent(db: D1Database, customerId: string): Promise<void> {
  await deletePresence(db, customerId).run();
}

export const deletePresence = (db: D1Database, customerId: string): D1PreparedStatement =>
  db.prepare("DELETE FROM presence WHERE customer_id = ?").bind(customerId);

/** Sets the mark, and renews it once a day; a mark of the last 24 hours causes no write. */
function markPresent(db: D1Database, customerId: string, now_ms: number): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO presence (customer_id, since) VALUES (?, ?)
       ON CONFLICT (customer_id) DO UPDATE SET since = excluded.since
       WHERE since < excluded.since - ${DAY_MS}`,
    )
    .bind(customerId, now_ms);
}

/** Deletes marks set before `cutoff_ms`: open feeds renew their marks daily. */
export function deleteOldPresence(db: D1Database, cutoff_ms: number): TableScan {
  const rows = `SELECT * FROM presence WHERE customer_id > ?1 AND customer_id < ?2
    ORDER BY customer_id LIMIT ${SCAN_ROWS}`;
  return scanByKey(db, {
    seen: db.prepare(`SELECT max(customer_id) AS last, count(*) AS n FROM (${rows})`),
    gone: db.prepare(
      `DELETE FROM presence WHERE customer_id IN
         (SELECT customer_id FROM (${rows}) WHERE since < ${cutoff_ms})`,
    ),
    before: "\u{10FFFF}",
  });
}
