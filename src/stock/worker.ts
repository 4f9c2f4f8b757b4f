import { retryUnknownQueue } from "../runtime/queue-consumer.ts";
import { consumeOrderEvents } from "./consumer.ts";
import { itemCaller } from "./stock-api.ts";

export { StockApi } from "./stock-api.ts";
export { StockIndex } from "./stock-index.ts";
export { StockItem } from "./item/stock-item.ts";

/** The stock Worker: consumes `order-events`, produces `stock-events`, and serves the lane by RPC. */
export default {
  /** Never public: no route and no workers.dev address. `npm start` polls this for readiness. */
  fetch(request: Request): Response {
    const isHealth = new URL(request.url).pathname === "/healthz";
    return new Response(isHealth ? "ok" : "not found", { status: isHealth ? 200 : 404 });
  },

  async queue(batch: MessageBatch, env: StockEnv): Promise<void> {
    if (batch.queue !== env.ORDER_EVENTS_QUEUE) return retryUnknownQueue(batch);
    await consumeOrderEvents(batch, {
      callItem: itemCaller(env),
      stockEvents: env.STOCK_EVENTS,
      orderEvents: env.ORDER_EVENTS,
      deadLetters: env.ORDER_EVENTS_DLQ,
      now: Date.now,
    });
  },
} satisfies ExportedHandler<StockEnv>;
