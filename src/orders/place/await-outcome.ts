import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { getOrder } from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";

const POLL_MS = 1_000;
/** Waiting requests of one isolate; above it, requests are answered at once. */
const MAX_WAITERS = 200;
/** Longer than the 10 s to which `Prefer: wait` is clamped plus the time limit of the last read. */
const WAITER_LEASE_MS = 25_000;
const waiters = new ConcurrencyLimit(MAX_WAITERS, WAITER_LEASE_MS);

/** Polls D1 until the order is decided or `wait_ms` is over, and returns the latest order. */
export async function awaitOutcome(db: D1Database, order: Order, wait_ms: number): Promise<Order> {
  const release = waiters.tryAcquire(Date.now());
  if (release === null) return order;
  try {
    const deadline_ms = Date.now() + wait_ms;
    let latest = order;
    for (;;) {
      const left_ms = deadline_ms - Date.now();
      if (latest.status !== "pending" || left_ms <= 0) return latest;
      await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, left_ms)));
      latest = (await getOrder(db, order.id)) ?? latest;
    }
  } finally {
    release();
  }
}
