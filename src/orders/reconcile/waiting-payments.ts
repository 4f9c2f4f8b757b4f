import { errorText, log } from "../../runtime/log.ts";
import type { Policy } from "../config/policy.ts";
import { listChanges } from "../order/changes.sql.ts";
import { payWaiting } from "../order/pay-waiting.ts";
import { overlookedOrders } from "../order/payment-queries.sql.ts";
import { judgeWaiting } from "../order/payments.sql.ts";

/** Orders of one round. */
const MAX_ORDERS = 500;

/**
 * Judges payments that still wait although their order has left `pending`. No step of this version
 * leaves one behind; an earlier version, run again after a rollback, knows nothing of payments.
 * Returns how many orders were paid. Never throws: a failure is logged, and the next round repeats.
 */
export async function healWaitingPayments(
  db: D1Database,
  policy: Policy,
  now_ms: number,
): Promise<number> {
  try {
    const ids = await overlookedOrders(db, MAX_ORDERS);
    if (ids.length === 0) return 0;
    const entries = ids.map((id) => ({ id }));
    const paying = payWaiting(db, entries, { policy, now_ms });
    const results = await db.batch([
      ...paying,
      judgeWaiting(db, ids, now_ms),
      ...listChanges(db, policy, { orders: ids, paid: ids }, now_ms),
    ]);
    return results[paying.length - 1]?.meta.changes ?? 0;
  } catch (error) {
    log("error", "payments.heal_failed", { error: errorText(error) });
    return 0;
  }
}
