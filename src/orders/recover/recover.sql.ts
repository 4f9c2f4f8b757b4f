import type { Actor } from "../../contract/actor.ts";
import type { Origin } from "../../contract/order-events.ts";
import { timeOfOrderId } from "../../contract/order-id.ts";
import type { Policy } from "../config/policy.ts";
import { listChanges, NEXT_CHANGE } from "../order/changes.sql.ts";
import type { OrderRow } from "../order/order-queries.sql.ts";
import { type Entry, transition } from "../order/orders.sql.ts";
import { payWaiting } from "../order/pay-waiting.ts";
import { judgeWaiting } from "../order/payments.sql.ts";
import { type Decisions, type Recovery, returnedOf, totalOf } from "./decide-recovery.ts";

/** Recovery as the actor of what it does. */
export const RECOVERY: Actor = { kind: "system", sub: "recovery" };

/**
 * Clients ignore a lower revision than one they have seen, and they may have seen any that was lost:
 * placing, confirming, paying, 3 extensions and 100 returns are fewer than this.
 */
const LOST_REVISIONS = 1_000;

export interface Rebuilt {
  id: string;
  customerId: string;
  origin: Origin;
  decisions: Decisions;
}

/** An order that the database does not know, as it was placed. */
function rowOf({ id, customerId, origin, decisions }: Rebuilt) {
  const { currency, amountDue, key, keyOwner, successorOf, paymentWindow_ms } = origin;
  const lines = origin.lines.map(({ price: amount, limitPerCustomer = null, ...line }) => {
    return { ...line, price: { amount, currency }, limitPerCustomer };
  });
  const returned = returnedOf(decisions);
  const isReturned = lines.every(({ sku, quantity }) => (returned?.[sku] ?? 0) >= quantity);
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
    returned: returned && JSON.stringify(returned),
    isReturned,
  };
}

/** Inserts them as pending. An order that is there, and a second successor, stays out. */
function insertRebuilt(
  db: D1Database,
  rebuilt: readonly Rebuilt[],
  now_ms: number,
): D1PreparedStatement[] {
  const rows = JSON.stringify(rebuilt.map(rowOf));
  return [
    db
      .prepare(
        `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
           placed_at, updated_at, awaits, due_at, history, amount_due, payment_window_ms,
           idempotency_key, idempotency_owner, successor_of, returned, returned_at, changed_in, changed_from)
         SELECT value->>'id', value->>'customer', 'pending', value->>'lines', value->>'total',
           value->>'currency', 1, value->>'at', ?2, 'lock', ?2,
           json_array(json_object('revision', 1, 'status', 'pending', 'reason', NULL,
             'at_ms', value->>'at', 'actor', json(?3))),
           value->>'amountDue', value->>'window', value->>'key', value->>'keyOwner',
           value->>'successorOf', value->>'returned', iif(value->>'isReturned', ?2, NULL),
           ${NEXT_CHANGE}, 0
         FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`,
      )
      .bind(rows, now_ms, JSON.stringify(RECOVERY)),
    // A key that was used again since the restore stays with the order that its owner knows now.
    db
      .prepare(
        `INSERT INTO idempotency_keys (customer_id, key, order_id, created_at)
         SELECT coalesce(o.idempotency_owner, o.customer_id), o.idempotency_key, o.id, o.placed_at
         FROM json_each(?1) AS e JOIN orders AS o ON o.id = e.value->>'id'
         WHERE o.idempotency_key IS NOT NULL
         ON CONFLICT (customer_id, key) DO UPDATE SET order_id = excluded.order_id
           WHERE NOT EXISTS (SELECT 1 FROM orders WHERE id = idempotency_keys.order_id)`,
      )
      .bind(rows),
  ];
}

/** A window that was extended, or that began later than the database says, begins anew. */
const REOPENED = "iif(pay_by IS NULL, NULL, max(pay_by, ?2 + coalesce(payment_window_ms, ?3)))";

const skipRevisions = (
  db: D1Database,
  ids: readonly string[],
  { paymentWindow_ms }: Policy,
  now_ms: number,
): D1PreparedStatement =>
  db
    .prepare(
      `UPDATE orders SET revision = revision + ${LOST_REVISIONS}, updated_at = ?2,
         pay_by = ${REOPENED}, due_at = coalesce(${REOPENED}, due_at),
         history = json_insert(history, '$[#]', json_object('revision', revision + ${LOST_REVISIONS},
           'status', status, 'reason', reason, 'at_ms', CAST(?2 AS INTEGER), 'actor', json(?4),
           'step', 'recovered'))
       WHERE id IN (SELECT value FROM json_each(?1)) AND status IN ('pending', 'confirmed')`,
    )
    .bind(JSON.stringify(ids), now_ms, paymentWindow_ms, JSON.stringify(RECOVERY));

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
    ...insertRebuilt(db, rebuilt, now_ms),
    skipRevisions(db, ids, policy, now_ms),
    ...transition(db, "confirm", confirmed, clock, { actor }),
    ...payWaiting(db, confirmed, clock),
    ...transition(db, "pay", paid, clock, { actor, due_ms: now_ms }),
    ...transition(db, "cancel", cancelled, clock, { actor, due_ms: now_ms }),
    judgeWaiting(db, ids, now_ms),
    ...listChanges(db, policy, { orders: ids, paid: ids }, now_ms),
  ]);
}

/** Adds items that were lost with the catalogue as drafts, by what an order says of them. */
export const insertDrafts = (
  db: D1Database,
  items: readonly { sku: string; name: string; amount: number; currency: string }[],
  now_ms: number,
): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO items (sku, name, price_amount, price_currency, status, updated_at)
       SELECT value->>'sku', value->>'name', value->>'amount', value->>'currency', 'draft', ?2
       FROM json_each(?1) WHERE true ON CONFLICT DO NOTHING`,
    )
    .bind(JSON.stringify(items), now_ms);
