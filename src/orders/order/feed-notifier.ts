import pMap from "p-map";
import { errorText, log } from "../../runtime/log.ts";
import {
  type Delay,
  delayText,
  failedWith,
  POSTPONED,
  type Undecided,
} from "../../runtime/queue-consumer.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { type Order, traceOf, viewOf } from "./order.ts";

/** Notifies the feeds of customers who are present. */
export interface FeedNotifier {
  /** Pushes each order to its customer's feed. Never throws: returns the orders it could not push. */
  push(orders: readonly Order[]): Promise<{ unnotified: Undecided<Order> }>;
  /** Whether this invocation has used up its feed calls. Further pushes are postponed. */
  isExhausted(): boolean;
}

/** Feed calls of one notifier: far below the 10,000 subrequests of an invocation (Workers limits). */
const MAX_CALLS = 800;
const CONCURRENCY = 24;
const PUSH_TIMEOUT_MS = 5_000;

/** Counts its feed calls, so each invocation needs a notifier of its own. */
export function feedNotifier(env: OrdersEnv): FeedNotifier {
  let calls = 0;
  return {
    isExhausted: () => calls >= MAX_CALLS,
    async push(orders) {
      const unnotified: Undecided<Order> = new Map();
      const pushAll = async ([customerId, own]: [string, Order[]]): Promise<void> => {
        const leave = (delay: Delay) => own.forEach((order) => unnotified.set(order, delay));
        if (calls >= MAX_CALLS) return leave(POSTPONED);
        calls++;
        try {
          const feed = env.FEED.getByName(customerId);
          const push = () => feed.push(own.map(viewOf), own.map(traceOf));
          await withTimeout(PUSH_TIMEOUT_MS, push, "the push");
        } catch (error) {
          leave(failedWith(errorText(error)));
        }
      };
      const byCustomer = Map.groupBy(orders, (order) => order.customerId);
      await pMap(byCustomer, pushAll, { concurrency: CONCURRENCY });
      return { unnotified };
    },
  };
}

/** For callers that do not repeat a push: a feed that missed one catches up when it rereads D1. */
export function logFailedPushes(unnotified: Undecided<Order>): void {
  for (const [order, delay] of unnotified) {
    const fields = { orderId: order.id, traceId: traceOf(order), error: delayText(delay) };
    log("warn", "feed.push_failed", fields);
  }
}
