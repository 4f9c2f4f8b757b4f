import * as v from "valibot";
import type { DeadLetter } from "../../contract/delivery.ts";
import { SEND_TIMEOUT_MS, unpack } from "../../contract/messages.ts";
import { OrderEventSchema } from "../../contract/order-events.ts";
import { within } from "../../contract/within.ts";
import { makeDue } from "../orders.sql.ts";
import { watchDue } from "../reconcile/watch.ts";
import { dropLetter } from "./dead-letters.sql.ts";

/**
 * Plays a dead letter again. An order event is not sent again: its order is looked at now, which
 * does whatever the order still owes. Anything else goes back to its queue. The letter is dropped
 * last, so an interrupted replay can be repeated, and repeating changes nothing extra.
 */
export async function replay(env: OrdersEnv, letter: DeadLetter): Promise<"reconciled" | "resent"> {
  const events = unpack(letter.body).events.map((event) => v.safeParse(OrderEventSchema, event));
  const orderIds = events.flatMap((event) => (event.success ? [event.output.orderId] : []));
  if (orderIds.length === events.length) {
    const now_ms = Date.now();
    await makeDue(env.DB, orderIds, now_ms);
    await watchDue(env, now_ms);
    await dropLetter(env.DB, letter.id);
    return "reconciled";
  }
  const queue = letter.queue === "order-events" ? env.ORDER_EVENTS : env.STOCK_EVENTS;
  await within(SEND_TIMEOUT_MS, () => queue.send(letter.body), "the send");
  await dropLetter(env.DB, letter.id);
  return "resent";
}
