import pMap from "p-map";
import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import { timeOfOrderId } from "../../contract/order-id.ts";
import type { LiveLock, StockApi } from "../../contract/stock-api.ts";
import { type OrderRow, orderFromRow, ordersById } from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";
import { ordersReturning } from "../order/returns.sql.ts";
import { type CompareClock, type Difference, differenceOf } from "./difference.ts";
import { type LockAt, type LockCursor, type LockGroup, readLockGroup } from "./live-locks.ts";

/** Compares the orders in D1 with the locks of the stock items. */

export interface ComparePorts {
  db: D1Database;
  stock: Pick<StockApi, "lockStates" | "liveLocks">;
  /** Finished orders placed before this time may have been pruned; 0: none was. */
  prunedBefore_ms: number;
  pause: (ms: number) => Promise<void>;
  now: () => number;
}

const clockOf = ({ prunedBefore_ms, now }: ComparePorts): CompareClock => {
  return { prunedBefore_ms, now_ms: now() };
};

export interface ComparePage {
  differences: Difference[];
  next: CompareCursor | null;
}

/** First all orders by id, then all live locks by SKU and order id, which finds orphan locks. */
export type CompareCursor = { phase: "orders"; after: string } | LockCursor;

/** Between the two comparisons: longer than a batch takes that was running during the first. */
const RECHECK_DELAY_MS = 1_500;
const CONCURRENCY = 12;
/** Pages of locks that one call reads: most items of a large catalogue have none or one. */
const MAX_LOCK_PAGES = 200;
/** A call looks at so many locks, and then at the rest of its group of items. */
const MAX_LOCKS = 4_000;
const ORDERS_PER_PAGE = Math.min(100, MAX_ORDERS_PER_LANE_CALL);
/** A page ends early when its orders name this many SKUs: each SKU costs one call. */
const MAX_SKUS = 300;

/** Compares one bounded part. Reports only differences that a second comparison finds again. */
export async function comparePage(
  cursor: CompareCursor,
  ports: ComparePorts,
): Promise<ComparePage> {
  const { differences: suspects, next } =
    cursor.phase === "orders"
      ? await compareOrders(cursor, ports)
      : await compareLocks(cursor, ports);
  if (suspects.length === 0) return { differences: [], next };
  await ports.pause(RECHECK_DELAY_MS);
  return { differences: await confirmDifferences(suspects, ports), next };
}

async function compareOrders(
  { after }: CompareCursor & { phase: "orders" },
  ports: ComparePorts,
): Promise<ComparePage> {
  const { results } = await ports.db
    .prepare("SELECT * FROM orders WHERE id > ? ORDER BY id LIMIT ?")
    .bind(after, ORDERS_PER_PAGE)
    .all<OrderRow>();
  const page: Order[] = [];
  const skus = new Set<string>();
  for (const order of results.map(orderFromRow)) {
    const all = new Set([...skus, ...order.lines.map(({ sku }) => sku)]);
    if (all.size > MAX_SKUS && page.length > 0) break;
    for (const { sku } of order.lines) skus.add(sku);
    page.push(order);
  }
  const last = page.at(-1);
  const isEnd = page.length === results.length && results.length < ORDERS_PER_PAGE;
  const next: CompareCursor =
    isEnd || !last ? { phase: "locks", sku: "", after: "" } : { phase: "orders", after: last.id };
  // A return that stock has not applied is still under way, like a command.
  const returning = await ordersReturning(
    ports.db,
    page.map(({ id }) => id),
  );
  const settled = page.filter(({ id }) => !returning.has(id));
  return { differences: await compareWith(settled, [...skus], ports), next };
}

/** Compares every order with each of its items. */
async function compareWith(
  orders: readonly Order[],
  skus: readonly string[],
  ports: ComparePorts,
): Promise<Difference[]> {
  const { stock } = ports;
  const clock = clockOf(ports);
  const found = await pMap(
    skus,
    async (sku) => {
      const own = orders.filter(({ lines }) => lines.some((line) => line.sku === sku));
      const ids = own.map(({ id }) => id);
      const { locks, watermark_ms } = await stock.lockStates(sku, ids);
      const byOrder = new Map(locks.map((lock) => [lock.orderId, lock]));
      return own.flatMap((order) => {
        const lock = byOrder.get(order.id) ?? null;
        // An item deletes sold locks after their retention.
        const isPruned = !lock && timeOfOrderId(order.id) < watermark_ms;
        if (isPruned && order.status === "paid") return [];
        return differenceOf(order, sku, lock, clock) ?? [];
      });
    },
    { concurrency: CONCURRENCY },
  );
  return found.flat();
}

/** Looks at the live locks of the next items, for those whose orders the first phase has not met. */
async function compareLocks(from: LockCursor, ports: ComparePorts): Promise<ComparePage> {
  const { db } = ports;
  const clock = clockOf(ports);
  const met: LockAt[] = [];
  let next: LockCursor | null = from;
  for (let pages = 0; next && pages < MAX_LOCK_PAGES && met.length < MAX_LOCKS;) {
    const group: LockGroup = await readLockGroup(next, ports);
    met.push(...group.locks);
    next = group.next;
    pages += group.pages;
  }
  const orders = await ordersById(
    db,
    met.map(({ lock }) => lock.orderId),
  );
  const differences = met.flatMap(({ sku, lock }) => {
    const order = orders.get(lock.orderId) ?? null;
    // The first phase compares these locks already.
    if (order?.lines.some((line) => line.sku === sku)) return [];
    return differenceOf(order, sku, lock, clock) ?? [];
  });
  return { differences, next };
}

async function confirmDifferences(
  suspects: readonly Difference[],
  ports: ComparePorts,
): Promise<Difference[]> {
  const { db, stock } = ports;
  const clock = clockOf(ports);
  const suspectIds = suspects.map(({ orderId }) => orderId);
  const [orders, returning] = await Promise.all([
    ordersById(db, suspectIds),
    ordersReturning(db, suspectIds),
  ]);
  const bySku = Map.groupBy(suspects, ({ sku }) => sku);
  const again = await pMap(
    bySku,
    async ([sku, own]) => {
      const locks = new Map<string, LiveLock>();
      for (let i = 0; i < own.length; i += MAX_ORDERS_PER_LANE_CALL) {
        const ids = own.slice(i, i + MAX_ORDERS_PER_LANE_CALL).map(({ orderId }) => orderId);
        const found = await stock.lockStates(sku, ids);
        for (const lock of found.locks) locks.set(lock.orderId, lock);
      }
      return own.flatMap(({ orderId, kind }) => {
        if (returning.has(orderId)) return [];
        const order = orders.get(orderId) ?? null;
        const now = differenceOf(order, sku, locks.get(orderId) ?? null, clock);
        return now?.kind === kind ? [now] : [];
      });
    },
    { concurrency: CONCURRENCY },
  );
  return again.flat();
}
