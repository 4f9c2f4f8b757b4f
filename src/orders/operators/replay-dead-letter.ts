import type { DeadLetter } from "../../contract/dead-letter.ts";
import { SEND_TIMEOUT_MS } from "../../runtime/queue-producer.ts";
import * as v from "valibot";
import { unpack } from "../../contract/envelope.ts";
import { OrderEventSchema } from "../../contract/order-events.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { makeDue } from "../order/orders.sql.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";
import { deleteDeadLetter } from "../dead-letters/dead-letters.sql.ts";

export type ReplayOutcome = "reconciled" | "resent" | "unknown_queue";

/**
 * Plays a dead letter again. An order event is not sent again: its order is looked at now, which
 * does whatever the order still owes. Anything else goes back to its queue. The letter is dropped
 * last, so an interrupted replay can be repeated, and repeating changes nothing extra.
 * `unknown_queue`: nothing says where it belongs, so it stays.
 */
export async function replayDeadLetter(env: OrdersEnv, letter: DeadLetter): Promise<ReplayOutcome> {
  const { events } = unpack(letter.body);
  const orderIds = events.flatMap((event) => (v.is(OrderEventSchema, event) ? event.orderId : []));
  if (orderIds.length === events.length) {
    const now_ms = Date.now();
    await makeDue(env.DB, orderIds, now_ms);
    await scheduleReconcile(env, now_ms);
    await deleteDeadLetter(env.DB, letter.id);
    return "reconciled";
  }
  const queue = queueFor(env, letter, events);
  if (!queue) return "unknown_queue";
  await withTimeout(SEND_TIMEOUT_MS, () => queue.send(letter.body), "the send");
  await deleteDeadLetter(env.DB, letter.id);
  return "resent";
}

/** By the types of its events; where these say nothing, by the queue that it died in. */
function queueFor(env: OrdersEnv, letter: DeadLetter, events: readonly unknown[]): Queue | null {
  const areAll = (prefix: string) => events.every((event) => typeOf(event).startsWith(prefix));
  if (areAll("order.")) return env.ORDER_EVENTS;
  if (areAll("stock.")) return env.STOCK_EVENTS;
  if (letter.queue === env.ORDER_EVENTS_QUEUE) return env.ORDER_EVENTS;
  return letter.queue === env.STOCK_EVENTS_QUEUE ? env.STOCK_EVENTS : null;
}

function typeOf(event: unknown): string {
  const parsed = v.safeParse(v.object({ type: v.string() }), event);
  return parsed.success ? parsed.output.type : "";
}
