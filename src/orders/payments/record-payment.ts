import type { Actor } from "../../contract/actor.ts";
import { newOrderId } from "../../contract/order-id.ts";
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
import { FIRST_DUE_MS, firstDue_ms, traceOf } from "../order/order.ts";
import { insertSuccessor, transition } from "../order/orders.sql.ts";
import { paymentFromRow, selectPayment } from "../order/payment-queries.sql.ts";
import { isSamePayment, type Payment, type ReportedPayment } from "../order/payment.ts";
import { insertPayment, IS_PAID_BY_PAYMENT } from "../order/payments.sql.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";

export interface RecordedPayment {
  /** As it stands. With another body it is the payment that the reference belongs to. */
  payment: Payment;
  /** `new`: recorded by this call. `reused`: the reference belongs to a payment with another body. */
  type: "new" | "repeated" | "reused";
}

/**
 * Records a payment, whatever its order, and in the same D1 transaction pays the order with it or
 * places the successor of an order that expired. Safe to repeat: a reference counts once.
 */
export async function recordPayment(
  env: OrdersEnv,
  reported: ReportedPayment,
  actor: Actor,
  background: (work: Promise<unknown>) => void,
): Promise<RecordedPayment> {
  const { DB: db } = env;
  const { orderId, reference } = reported;
  const policy = policyOf(env);
  const now_ms = Date.now();
  const successorId = newOrderId(now_ms);
  // Before the commit: a crash right after it must leave nothing unwatched.
  const soon_ms = now_ms + Math.min(FIRST_DUE_MS, firstDue_ms(policy));
  const { beat } = await scheduleReconcile(env, soon_ms);
  const recording = { actor, now_ms, successorId, mayReorder: policy.latePayment === "reorder" };
  const due_ms = now_ms + firstDue_ms(policy);
  const window_ms = policy.paymentWindow_ms;
  const successor = { id: successorId, of: orderId, now_ms, due_ms, window_ms };
  const alsoIf = `AND ${IS_PAID_BY_PAYMENT}`;
  const ids = [orderId, successorId];
  const [recorded, , paid, placed, found, present, orders] = await fenced(db, {
    beat,
  }).batch<OrderRow>([
    insertPayment(db, reported, recording),
    ...transition(db, "pay", [{ id: orderId }], { policy, now_ms }, { actor, alsoIf }),
    insertSuccessor(db, successor),
    selectPayment(db, reference),
    selectPresent(db, ids),
    selectOrders(db, ids),
    ...listChanges(db, policy, { orders: ids, references: [reference] }, now_ms),
  ]);
  const payment = paymentFromRow(found?.results[0]);
  const changed = placed?.meta.changes ? successorId : paid?.meta.changes ? orderId : null;
  const rowsOf = (result: D1Result<OrderRow> | undefined) =>
    (result?.results ?? []).filter(({ id }) => id === changed).map(orderFromRow);
  if (changed !== null) {
    const [order] = rowsOf(orders);
    if (order) {
      log("info", "order.changed", { orderId, status: order.status, traceId: traceOf(order) });
    }
    background(announce(env, { orders: rowsOf(orders), present: rowsOf(present) }));
  }
  if ((recorded?.meta.changes ?? 0) > 0) return { payment, type: "new" };
  return { payment, type: isSamePayment(payment, reported) ? "repeated" : "reused" };
}
