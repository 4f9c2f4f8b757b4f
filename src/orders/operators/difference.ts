import { timeOfOrderId } from "../../contract/order-id.ts";
import type { LiveLock } from "../../contract/stock-api.ts";
import type { Awaits, Order, Status } from "../order/order.ts";

/** What an order and its lock at an item do not agree on. No I/O. */

export interface Difference {
  /**
   * `missing_lock`: the item has no lock for a confirmed or paid order.
   * `unreleased`: the item has a lock for an order that should have none, such as a cancelled one.
   * `wrong_lock`: quantity or state of the lock differ from the order's.
   * `orphan_lock`: the item has a lock for an order that D1 does not know and that was not pruned.
   * Only paid and cancelled orders are pruned, so a held lock never belongs to a pruned order.
   * `stuck`: the order has awaited an answer of its items for longer than it takes when all is well, or one of them has decided otherwise.
   */
  kind: "missing_lock" | "unreleased" | "wrong_lock" | "orphan_lock" | "stuck";
  sku: string;
  orderId: string;
  status: Status | null;
  expected: Omit<LiveLock, "orderId"> | null;
  found: Omit<LiveLock, "orderId"> | null;
  /** Of a stuck order: what it awaits, and since when. */
  awaits?: Awaits;
  since?: string;
}

/** As long as settling may take: 30 s first due, 60 s backoff, 60 s cron. */
const STUCK_MS = 150_000;

export interface CompareClock {
  /** Finished orders placed before this time may have been pruned; 0: none was. */
  prunedBefore_ms: number;
  now_ms: number;
}

/** The difference between an order (null: unknown to D1) and its lock at an item; null: none. */
export function differenceOf(
  order: Order | null,
  sku: string,
  lock: LiveLock | null,
  { prunedBefore_ms, now_ms }: CompareClock,
): Difference | null {
  const isPruned =
    !order && lock?.state === "sold" && timeOfOrderId(lock.orderId) < prunedBefore_ms;
  if (isPruned) return null;
  // A command that stock has not acknowledged is still under way, and the reconciler repeats it.
  if (order?.awaits) return stuckOf(order, order.awaits, sku, lock, now_ms);
  const expected = order ? expectedLock(order, sku) : null;
  const found = lock && { quantity: lock.quantity, state: lock.state };
  const isSame = expected?.state === found?.state && expected?.quantity === found?.quantity;
  const orderId = order?.id ?? lock?.orderId;
  if (isSame || orderId === undefined) return null;
  const status = order?.status ?? null;
  const kind = kindOf(order, expected, found);
  return { kind, sku, orderId, status, expected, found };
}

function stuckOf(
  order: Order,
  awaits: Awaits,
  sku: string,
  lock: LiveLock | null,
  now_ms: number,
): Difference | null {
  const { id: orderId, status, updatedAt_ms } = order;
  if (order.breachedAt_ms === null && now_ms - updatedAt_ms < STUCK_MS) return null;
  const expected = expectedLock(order, sku);
  const found = lock && { quantity: lock.quantity, state: lock.state };
  const since = new Date(updatedAt_ms).toISOString();
  return { kind: "stuck", sku, orderId, status, expected, found, awaits, since };
}

function kindOf(
  order: Order | null,
  expected: Difference["expected"],
  found: Difference["found"],
): Difference["kind"] {
  if (!order) return "orphan_lock";
  if (!expected) return "unreleased";
  return found ? "wrong_lock" : "missing_lock";
}

function expectedLock({ status, lines, returned }: Order, sku: string): Difference["expected"] {
  const ordered = lines.find((line) => line.sku === sku)?.quantity ?? 0;
  const quantity = ordered - (returned?.[sku] ?? 0);
  if (quantity === 0 || (status !== "confirmed" && status !== "paid")) return null;
  return { quantity, state: status === "paid" ? "sold" : "held" };
}
