import pMap from "p-map";
import { delayText, failedWith, POSTPONED, type Undecided } from "../../runtime/queue-consumer.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { type Order, viewOf } from "./order.ts";

/** How the feeds of present customers are reached. */
export interface FeedNotifier {
  /** Tells each order to its customer's feed. Never throws: what could not be told comes back. */
  push(orders: readonly Order[]): Promise<{ unnotified: Undecided<Order> }>;
  /** All feeds that this invocation may call have been called: whatever else is told is postponed. */
  isExhausted(): boolean;
}

/** Feeds one instance calls: far below the 10,000 subrequests of an invocation (Workers limits). */
const MAX_CALLS = 800;
const CONCURRENCY = 24;
const PUSH_TIMEOUT_MS = 5_000;

/** Make one for each invocation: its calls are counted. */
export function feedNotifier(env: OrdersEnv): FeedNotifier {
  let calls = 0;
  return {
    isExhausted: () => calls >= MAX_CALLS,
    async push(orders) {
      const unnotified: Undecided<Order> = new Map();
      const byCustomer = Map.groupBy(orders, (order) => order.customerId);
      await pMap(
        byCustomer,
        async ([customerId, own]) => {
          if (calls >= MAX_CALLS) {
            for (const order of own) unnotified.set(order, POSTPONED);
            return;
          }
          calls++;
          try {
            const push = () => env.FEED.getByName(customerId).push(own.map(viewOf));
            await withTimeout(PUSH_TIMEOUT_MS, push, "the push");
          } catch (error) {
            for (const order of own) unnotified.set(order, failedWith(errorText(error)));
          }
        },
        { concurrency: CONCURRENCY },
      );
      return { unnotified };
    },
  };
}

/** For callers that do not come again: a feed that missed a push makes up for it by its reread. */
export function logFailedPushes(unnotified: Undecided<Order>): void {
  for (const [{ id: orderId }, delay] of unnotified) {
    log("warn", "push.failed", { orderId, error: delayText(delay) });
  }
}
