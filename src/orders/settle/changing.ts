import { FIRST_DUE_MS, type Order } from "../order.ts";
import { type OrderRow, orderOf } from "../orders.sql.ts";
import { announce } from "../place/announce.ts";
import { policyOf } from "../policy.ts";
import { watchDue } from "../reconcile/watch.ts";
import { selectOrders, selectPresent, transitionReturning } from "./transitions.sql.ts";

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
  await watchDue(env, now_ms + FIRST_DUE_MS);
  // Read in the same transaction: an order that a later look found confirmed was not unpayable.
  const [, moved, present, after] = await env.DB.batch<OrderRow>([
    ...transitionReturning(env.DB, name, [{ id }], { policy: policyOf(env), now_ms }),
    selectPresent(env.DB, [id]),
    selectOrders(env.DB, [id]),
  ]);
  const row = after?.results[0];
  if (!row) throw new Error(`order ${id} is gone`);
  const order = orderOf(row);
  if (moved?.results.length === 0) return order;
  background(announce(env, { orders: [order], present: present?.results.length ? [order] : [] }));
  return order;
}
