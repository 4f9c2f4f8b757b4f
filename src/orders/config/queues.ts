/** Identifies a queue by the vars that repeat the names of wrangler.toml, so that queues can be renamed. */

type Names = Pick<
  OrdersEnv,
  "ORDER_EVENTS_QUEUE" | "ORDER_EVENTS_DLQ_QUEUE" | "STOCK_EVENTS_QUEUE" | "STOCK_EVENTS_DLQ_QUEUE"
>;

export type QueueRole =
  | { type: "stock-events" }
  /** `source`: the queue in which the messages died. */
  | { type: "dead-letters"; source: string };

/** The role of a consumed queue; null if no var names it. */
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
