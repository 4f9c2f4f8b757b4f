import pMap from "p-map";
import { delayText, failedWith, POSTPONED, type Undecided } from "../../contract/delivery.ts";
import { errorText, log } from "../../contract/log.ts";
import { within } from "../../contract/within.ts";
import { type Order, viewOf } from "../order.ts";

/** How the feeds of present customers are reached. */
export interface Feeds {
  /** Tells each order to its customer's feed. Never throws: what could not be told comes back. */
  push(orders: readonly Order[]): Promise<{ untold: Undecided<Order> }>;
  /** All feeds that this invocation may call have been called: whatever else is told is postponed. */
  isSpent(): boolean;
}

/** Feeds one instance calls: far below the 10,000 subrequests of an invocation (Workers limits). */
const MAX_CALLS = 800;
const CONCURRENCY = 24;
const PUSH_TIMEOUT_MS = 5_000;

/** Make one for each invocation: its calls are counted. */
export function feedsOf(env: OrdersEnv): Feeds {
  let calls = 0;
  return {
    isSpent: () => calls >= MAX_CALLS,
    async push(orders) {
      const untold: Undecided<Order> = new Map();
      const byCustomer = Map.groupBy(orders, (order) => order.customerId);
      await pMap(
        byCustomer,
        async ([customerId, own]) => {
          if (calls >= MAX_CALLS) {
            for (const order of own) untold.set(order, POSTPONED);
            return;
          }
          calls++;
          try {
            const push = () => env.FEED.getByName(customerId).push(own.map(viewOf));
            await within(PUSH_TIMEOUT_MS, push, "the push");
          } catch (error) {
            for (const order of own) untold.set(order, failedWith(errorText(error)));
          }
        },
        { concurrency: CONCURRENCY },
      );
      return { untold };
    },
  };
}

/** For callers that do not come again: a feed that missed a push makes up for it by its reread. */
export function logUntold(untold: Undecided<Order>): void {
  for (const [{ id: orderId }, delay] of untold) {
    log("warn", "push.failed", { orderId, error: delayText(delay) });
  }
}
