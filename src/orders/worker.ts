import { retryUnknownQueue } from "../runtime/queue-consumer.ts";
import { queueRole } from "./config/queues.ts";
import { withTimeLimits } from "./database/d1.ts";
import { withFence } from "./database/fenced.ts";
import { consumeDeadLetters } from "./dead-letters/dead-letter-consumer.ts";
import { app } from "./http/app.ts";
import { reconcilerOf } from "./order/schedule-reconcile.ts";
import { settlePorts } from "./outcomes/settle-ports.ts";
import { consumeStockEvents } from "./outcomes/stock-events-consumer.ts";

export { CustomerFeed } from "./feed/customer-feed.ts";
export { OrderDesk } from "./place/order-desk.ts";
export { Reconciler } from "./reconcile/reconciler.ts";
export { Courier } from "./webhooks/courier.ts";

/** The orders Worker: HTTP, the queue of stock events, both dead-letter queues and the cron. */
export default {
  fetch: app.fetch,

  async queue(batch: MessageBatch, env: OrdersEnv): Promise<void> {
    const role = queueRole(batch.queue, env);
    if (role === null) return retryUnknownQueue(batch);
    const limited = withTimeLimits(env);
    if (role.type === "dead-letters") return consumeDeadLetters(batch, role.source, limited.DB);
    const ports = settlePorts(withFence(limited, 0));
    await consumeStockEvents(batch, { ...ports, stockEvents: env.STOCK_EVENTS });
  },

  async scheduled(_controller: ScheduledController, env: OrdersEnv): Promise<void> {
    await reconcilerOf(env).poke();
  },
} satisfies ExportedHandler<OrdersEnv>;
