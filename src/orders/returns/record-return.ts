import { log } from "../../runtime/log.ts";
import { policyOf } from "../config/policy.ts";
import { fenced } from "../database/fenced.ts";
import { notifyCustomers } from "../order/announce.ts";
import { listChanges } from "../order/changes.sql.ts";
import { countReturned } from "../order/minutes.sql.ts";
import {
  type OrderRow,
  orderFromRow,
  selectOrders,
  selectPresent,
} from "../order/order-queries.sql.ts";
import { type Order, traceOf } from "../order/order.ts";
import { addReturned } from "../order/orders.sql.ts";
import { exceedsSold, isSameReturn, type Return } from "../order/return.ts";
import {
  insertReturn,
  type NewReturn,
  returnFromRow,
  selectReturnByKey,
} from "../order/returns.sql.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";

export type RecordedReturn =
  | { type: "new" | "repeated"; made: Return; order: Order }
  /** The key belongs to a return with another body. */
  | { type: "key_reused" }
  | { type: "unknown_order" }
  /** `not_returnable`: the order is not paid, or has too many returns. */
  | { type: "not_returnable" | "return_exceeds_sold"; order: Order };

/**
 * Records a return and what it changes of the order in one D1 transaction. The units are back once the
 * reconciler has sent the return to its items, which it does at once. Safe to repeat with the key.
 */
export async function recordReturn(
  env: OrdersEnv,
  wanted: NewReturn,
  background: (work: Promise<unknown>) => void,
): Promise<RecordedReturn> {
  const { DB: db } = env;
  const { id, orderId } = wanted;
  const now_ms = Date.now();
  // Before the commit: a crash right after it must leave nothing unwatched.
  const { beat } = await scheduleReconcile(env, now_ms);
  const [, , , present, found, after] = await fenced(db, { beat }).batch<OrderRow>([
    insertReturn(db, wanted, now_ms),
    addReturned(db, { id, orderId }, now_ms),
    countReturned(db, { id, orderId }, now_ms),
    selectPresent(db, [orderId]),
    selectReturnByKey(db, wanted),
    selectOrders(db, [orderId]),
    ...listChanges(db, policyOf(env), { orders: [orderId] }, now_ms),
  ]);
  const row = after?.results[0];
  if (!row) return { type: "unknown_order" };
  const order = orderFromRow(row);
  const [known] = (found?.results ?? []).map(returnFromRow);
  if (known && known.id !== id) {
    return isSameReturn(known, wanted)
      ? { type: "repeated", made: known, order }
      : { type: "key_reused" };
  }
  if (known) {
    log("info", "return.recorded", { orderId, returnId: id, traceId: traceOf(order) });
    background(notifyCustomers(env, (present?.results ?? []).map(orderFromRow)));
    return { type: "new", made: known, order };
  }
  // Read in the same transaction, so these are the figures by which it was refused.
  const isTooMuch = order.status === "paid" && exceedsSold(order, wanted.lines);
  return { type: isTooMuch ? "return_exceeds_sold" : "not_returnable", order };
}
