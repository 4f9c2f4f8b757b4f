/** Which queue is which: told by vars that repeat the names of wrangler.toml, never by the names themselves. */

type Names = Pick<
  OrdersEnv,
  "ORDER_EVENTS_QUEUE" | "ORDER_EVENTS_DLQ_QUEUE" | "STOCK_EVENTS_QUEUE" | "STOCK_EVENTS_DLQ_QUEUE"
>;

export type QueueRole =
  | { type: "stock-events" }
  /** `source`: the queue that its messages died in. */
  | { type: "dead-letters"; source: string };

/** What the consumer's batch holds; null: no var names its queue. */
export function queueRole(queue: string, names: Names): QueueRole | null {
  switch (queue) {
    case names.STOCK_EVENTS_QUEUE:
      return { type: "stock-events" };
    case names.ORDER_EVENTS_DLQ_QUEUE:
      return { type: "dead-letters", source: names.ORDER_EVENTS_QUEUE };
    case names.STOCK_EVENTS_DLQ_QUEUE:
      return { type: "dead-letters", source: names.STOCK_EVENTS_QUEUE };
    default:
      return null;
  }
}
