import type { Actor } from "../../contract/actor.ts";
import { log } from "../../runtime/log.ts";
import { policyOf } from "../config/policy.ts";
import { fenced } from "../database/fenced.ts";
import { announce } from "../order/announce.ts";
import { listChanges } from "../order/changes.sql.ts";
import {
  type OrderRow,
  orderFromRow,
  selectOrders,
  selectPresent,
} from "../order/order-queries.sql.ts";
import { FIRST_DUE_MS, type Order, traceOf } from "../order/order.ts";
import { transition } from "../order/orders.sql.ts";
import { judgeWaiting } from "../order/payments.sql.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";

/**
 * Pays or cancels an order if its status allows that, and sends the command to stock. Returns the
 * order after it: a status other than the wanted one means that the change came too late. Null: there
 * is no such order. `permission` runs while the reconciler is asked, so that both are one wide-area
 * trip; if it throws, nothing is changed.
 */
export async function changeOrder(
  env: OrdersEnv,
  name: "cancel" | "pay",
  { id, actor }: { id: string; actor: Actor },
  background: (work: Promise<unknown>) => void,
  permission: Promise<unknown> = Promise.resolve(),
): Promise<Order | null> {
  const now_ms = Date.now();
  const watching = scheduleReconcile(env, now_ms + FIRST_DUE_MS);
  const [{ beat }] = await Promise.all([watching, permission]);
  const isForCustomer = name === "cancel" && actor.kind === "service";
  const entry = isForCustomer ? { id, reason: "operator_request" as const } : { id };
  const clock = { policy: policyOf(env), now_ms };
  const steps = transition(env.DB, name, [entry], clock, { actor, returning: "RETURNING *" });
  // Reads the order in the same transaction. By a later read it could be confirmed, after which the
  // answer that it is not payable would be wrong.
  const results = await fenced(env.DB, { beat }).batch<OrderRow>([
    ...steps,
    judgeWaiting(env.DB, [id], now_ms),
    ...listChanges(env.DB, clock.policy, { orders: [id], paid: [id] }, now_ms),
    selectPresent(env.DB, [id]),
    selectOrders(env.DB, [id]),
  ]);
  const moved = results[steps.length - 1];
  const [present, after] = results.slice(-2);
  const row = after?.results[0];
  if (!row) return null;
  const order = orderFromRow(row);
  if (moved?.results.length === 0) return order;
  log("info", "order.changed", { orderId: id, status: order.status, traceId: traceOf(order) });
  background(announce(env, { orders: [order], present: present?.results.length ? [order] : [] }));
  return order;
}
