import * as v from "valibot";
import type { DeadLetter } from "../../contract/dead-letter.ts";
import { unpack } from "../../contract/envelope.ts";
import { OrderEventSchema } from "../../contract/order-events.ts";
import { SEND_TIMEOUT_MS } from "../../runtime/queue-producer.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { deleteDeadLetter } from "../dead-letters/dead-letters.sql.ts";
import { makeDue } from "../order/orders.sql.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";

export type ReplayOutcome = "reconciled" | "resent" | "unknown_queue";

/**
 * Replays a dead letter. An order event is not sent again: its order becomes due now, and the
 * reconciler repeats the command that stock has not acknowledged. Any other message goes back to
 * its queue. The dead letter is deleted last, so an interrupted replay can be repeated without a
 * second effect. `unknown_queue`: the queue cannot be determined, so the dead letter stays.
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

/** Determined by the types of the events or, if these are unknown, by the queue they came from. */
function queueFor(env: OrdersEnv, letter: DeadLetter, events: readonly unknown[]): Queue | null {
  const areAll = (prefix: string) =>
    v.is(v.array(v.object({ type: v.pipe(v.string(), v.startsWith(prefix)) })), events);
  if (areAll("order.")) return env.ORDER_EVENTS;
  if (areAll("stock.")) return env.STOCK_EVENTS;
  if (letter.queue === env.ORDER_EVENTS_QUEUE) return env.ORDER_EVENTS;
  return letter.queue === env.STOCK_EVENTS_QUEUE ? env.STOCK_EVENTS : null;
}
