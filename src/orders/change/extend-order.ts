import type { Actor } from "../../contract/actor.ts";
import { policyOf } from "../config/policy.ts";
import { fenced } from "../database/fenced.ts";
import { notifyCustomers } from "../order/announce.ts";
import { listChanges } from "../order/changes.sql.ts";
import {
  type OrderRow,
  orderFromRow,
  selectOrders,
  selectPresent,
} from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";
import { extendPaymentWindow } from "../order/orders.sql.ts";

export interface Extension {
  id: string;
  by_ms: number;
  actor: Actor;
}

/**
 * Moves the end of the payment window of an order while a payment is under way. `isExtended`: false
 * when the order's status does not allow it, or when it was extended too often.
 */
export async function extendOrder(
  env: OrdersEnv,
  extension: Extension,
  background: (work: Promise<unknown>) => void,
): Promise<{ order: Order; isExtended: boolean }> {
  const { id } = extension;
  const now_ms = Date.now();
  const [extended, present, after] = await fenced(env.DB, { beat: 0 }).batch<OrderRow>([
    extendPaymentWindow(env.DB, extension, now_ms),
    selectPresent(env.DB, [id]),
    selectOrders(env.DB, [id]),
    ...listChanges(env.DB, policyOf(env), { orders: [id] }, now_ms),
  ]);
  const row = after?.results[0];
  if (!row) throw new Error(`order ${id} no longer exists`);
  const isExtended = (extended?.meta.changes ?? 0) > 0;
  if (isExtended) background(notifyCustomers(env, (present?.results ?? []).map(orderFromRow)));
  return { order: orderFromRow(row), isExtended };
}
