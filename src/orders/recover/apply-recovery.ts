import type { Actor } from "../../contract/actor.ts";
import type { Origin } from "../../contract/order-events.ts";
import { timeOfOrderId } from "../../contract/order-id.ts";
import type { Policy } from "../config/policy.ts";
import { listChanges } from "../order/changes.sql.ts";
import { bindRebuiltKeys } from "../order/idempotency-keys.sql.ts";
import type { OrderRow } from "../order/order-queries.sql.ts";
import { type Entry, insertRebuilt, skipRevisions, transition } from "../order/orders.sql.ts";
import { payWaiting } from "../order/pay-waiting.ts";
import { judgeWaiting } from "../order/payments.sql.ts";
import { type Recovery, totalOf } from "./decide-recovery.ts";

/** Recovery as the actor of what it does. */
export const RECOVERY: Actor = { kind: "system", sub: "recovery" };

export interface Rebuilt {
  id: string;
  customerId: string;
  origin: Origin;
}

/**
 * An order that the database does not know, as it was placed. Its returns are not counted: they went
 * with the database, and each counts when the shop repeats it.
 */
function rowOf({ id, customerId, origin }: Rebuilt) {
  const { currency, amountDue, key, keyOwner, successorOf, paymentWindow_ms } = origin;
  const lines = origin.lines.map(({ price: amount, limitPerCustomer = null, ...line }) => {
    return { ...line, price: { amount, currency }, limitPerCustomer };
  });
  return {
    id,
    customer: customerId,
    lines: JSON.stringify(lines),
    total: totalOf(origin),
    currency,
    at: timeOfOrderId(id),
    amountDue: amountDue ?? null,
    window: paymentWindow_ms ?? null,
    key: key ?? null,
    keyOwner: keyOwner ?? null,
    successorOf: successorOf ?? null,
  };
}

export interface Recovered {
  id: string;
  recovery: Recovery;
}

/**
 * Rebuilds orders, and makes the transitions that were lost, by the same statements as any other: so
 * counts, payment windows, payments that wait and the changes are as they should be. One transaction;
 * safe to repeat.
 */
export async function recoverAll(
  db: D1Database,
  policy: Policy,
  { rebuilt, recovered }: { rebuilt: readonly Rebuilt[]; recovered: readonly Recovered[] },
  now_ms: number,
): Promise<void> {
  const clock = { policy, now_ms };
  const actor = RECOVERY;
  const json = JSON.stringify(rebuilt.map(rowOf));
  const ids = recovered.map(({ id }) => id);
  const of = <T extends Recovery["type"]>(...types: T[]) =>
    recovered.filter(({ recovery }) => (types as string[]).includes(recovery.type));
  const confirmed = of("confirm", "pay").map(({ id }) => ({ id }));
  const paid = of("pay").map(({ id }) => ({ id }));
  const cancelled = recovered.flatMap(({ id, recovery }): Entry[] => {
    if (recovery.type !== "cancel") return [];
    const { reason, shortages } = recovery;
    return [{ id, reason, ...(shortages.length > 0 && { shortages }) }];
  });
  await db.batch<OrderRow>([
    insertRebuilt(db, json, RECOVERY, now_ms),
    bindRebuiltKeys(db, json),
    skipRevisions(db, ids, { ...clock, actor }),
    ...transition(db, "confirm", confirmed, clock, { actor }),
    ...payWaiting(db, confirmed, clock),
    ...transition(db, "pay", paid, clock, { actor, due_ms: now_ms }),
    ...transition(db, "cancel", cancelled, clock, { actor, due_ms: now_ms }),
    judgeWaiting(db, ids, now_ms),
    ...listChanges(db, policy, { orders: ids, paid: ids }, now_ms),
  ]);
}
