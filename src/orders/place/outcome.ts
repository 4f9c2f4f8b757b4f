import type { Order } from "../order.ts";
import { getOrder } from "../orders.sql.ts";

/** Between two looks at D1. */
const POLL_MS = 1_000;
/** Requests of one isolate that wait here; past it they are answered at once. */
const MAX_WAITERS = 200;
let waiters = 0;

/** Waits until the order is no longer pending, `wait_ms` at most. Answers with it as it stands. */
export async function awaitOutcome(db: D1Database, order: Order, wait_ms: number): Promise<Order> {
  if (waiters >= MAX_WAITERS) return order;
  waiters++;
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
    waiters--;
  }
}
