import { FIRST_DUE_MS, type Order } from "../order.ts";
import { getOrder } from "../orders.sql.ts";
import { policyOf } from "../policy.ts";
import { watchFrom } from "../reconcile/watch.ts";
import { transitionOne } from "../settle/transitions.sql.ts";
import { announcer } from "./announce.ts";

/**
 * Pays or cancels an order, if it still stands where that starts, and asks its stock to follow.
 * Answers with the order as it stands after it: another status means that it was too late.
 */
export async function changeOrder(
  env: OrdersEnv,
  name: "cancel" | "pay",
  id: string,
  background: (work: Promise<unknown>) => void,
): Promise<Order> {
  const now_ms = Date.now();
  const moved = await transitionOne(env.DB, name, id, { policy: policyOf(env), now_ms });
  if (moved) {
    background(watchFrom(env)(now_ms + FIRST_DUE_MS));
    background(announcer(env).announce({ orders: [moved], present: [moved] }));
    return moved;
  }
  const order = await getOrder(env.DB, id);
  if (!order) throw new Error(`order ${id} is gone`);
  return order;
}
