import {
  type OrderRow,
  orderFromRow,
  selectOrders,
  selectPresent,
} from "../order/order-queries.sql.ts";
import { transition } from "../order/orders.sql.ts";
import { FIRST_DUE_MS, type Order } from "../order/order.ts";
import { announce } from "../order/announce.ts";
import { policyOf } from "../config/policy.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";

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
  await scheduleReconcile(env, now_ms + FIRST_DUE_MS);
  // Read in the same transaction: an order that a later look found confirmed was not unpayable.
  const [, moved, present, after] = await env.DB.batch<OrderRow>([
    ...transition(env.DB, name, [{ id }], { policy: policyOf(env), now_ms }, "RETURNING *"),
    selectPresent(env.DB, [id]),
    selectOrders(env.DB, [id]),
  ]);
  const row = after?.results[0];
  if (!row) throw new Error(`order ${id} is gone`);
  const order = orderFromRow(row);
  if (moved?.results.length === 0) return order;
  background(announce(env, { orders: [order], present: present?.results.length ? [order] : [] }));
  return order;
}
