import pMap from "p-map";
import { errorText } from "../../contract/log.ts";
import { within } from "../../contract/within.ts";
import { type Order, viewOf } from "../order.ts";

/** How the feeds of present customers are reached. */
export interface Feeds {
  /** Tells each order to its customer's feed. Never throws: what could not be told comes back. */
  push(orders: readonly Order[]): Promise<{ failed: Map<Order, string> }>;
}

/** Feeds one instance calls: far below the 10,000 subrequests of an invocation (Workers limits). */
const MAX_CALLS = 800;
const CONCURRENCY = 24;
const PUSH_TIMEOUT_MS = 5_000;

/** Make one for each invocation: its calls are counted. */
export function feedsOf(env: OrdersEnv): Feeds {
  let calls = 0;
  return {
    async push(orders) {
      const failed = new Map<Order, string>();
      const byCustomer = Map.groupBy(orders, (order) => order.customerId);
      await pMap(
        byCustomer,
        async ([customerId, own]) => {
          try {
            if (++calls > MAX_CALLS) throw new Error(`more than ${MAX_CALLS} feeds at once`);
            const push = () => env.FEED.getByName(customerId).push(own.map(viewOf));
            await within(PUSH_TIMEOUT_MS, push, "the push");
          } catch (error) {
            for (const order of own) failed.set(order, errorText(error));
          }
        },
        { concurrency: CONCURRENCY },
      );
      return { failed };
    },
  };
}
