import type { Actor } from "../../contract/actor.ts";
import { ERASED_PREFIX } from "../../contract/erased.ts";
import type { Policy } from "../config/policy.ts";
import { SCAN_ROWS, type TableScan } from "../database/table-scan.ts";
import { listChanges, NEXT_CHANGE } from "./changes.sql.ts";
import { AMOUNT_DUE } from "./order-queries.sql.ts";
import { paymentFromRow, selectPayment, TARGET } from "./payment-queries.sql.ts";
import type { Payment, ReportedPayment } from "./payment.ts";

/**
 * The table `payments`. A payment is judged in the transaction that records it. One that waits for
 * its order is judged again in the transaction of the order's next step. So money is applied at most
 * once, and none is ever forgotten.
 */

/** Rows of a customer's newer orders in which a late payment looks for its SKUs. */
const NEWER_SCAN = 1_000;

/**
 * Whether the order `t`, which a payment names, is replaced by a successor: its payment window ran
 * out, the customer has not ordered one of its SKUs again since, and each line can still be bought
 * at its price. An erased customer gets no new order, and with more newer orders than the scan reads,
 * none is replaced.
 */
const IS_REORDERED = `?8 AND t.id = ?2 AND t.reason = 'payment_timeout'
  AND t.customer_id NOT GLOB '${ERASED_PREFIX}*'
  AND NOT EXISTS (
    SELECT 1 FROM (SELECT lines, row_number() OVER (ORDER BY id) AS n FROM orders AS later
        INDEXED BY orders_by_customer
        WHERE later.customer_id = t.customer_id AND later.id > t.id
        ORDER BY id LIMIT ${NEWER_SCAN}) AS newer
    WHERE n = ${NEWER_SCAN} OR EXISTS (SELECT 1 FROM json_each(newer.lines) AS theirs
      JOIN json_each(t.lines) AS own ON own.value->>'sku' = theirs.value->>'sku'))
  AND NOT EXISTS (
    SELECT 1 FROM json_each(t.lines) AS l LEFT JOIN items AS i ON i.sku = l.value->>'sku'
    WHERE i.sku IS NULL OR i.status <> 'listed' OR i.archived_at IS NOT NULL
      OR i.price_amount <> l.value->>'$.price.amount'
      OR i.price_currency <> l.value->>'$.price.currency')`;

const HAS_APPLIED = `EXISTS (SELECT 1 FROM payments
  WHERE payments.state = 'applied' AND ${TARGET} = +t.id)`;

export interface Recording {
  actor: Actor;
  now_ms: number;
  /** Of the successor that late money places. */
  successorId: string;
  /** Whether late money places a successor. */
  mayReorder: boolean;
}

/**
 * Records a payment with its state, judged by the order as it is now, or by its successor if it has
 * one. A reference that is known changes nothing. The statements of the same batch that follow act
 * on the row: a payment that is `applied` to a confirmed order has to pay it, and one that waits for
 * `successorId` has to place it.
 */
export function insertPayment(
  db: D1Database,
  { reference, orderId, amount, currency }: ReportedPayment,
  { actor, now_ms, successorId, mayReorder }: Recording,
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO payments (reference, order_id, amount, currency, state, why, successor_id,
         received_at, updated_at, actor, changed_in)
       SELECT ?1, ?2, ?3, ?4, iif(why IS NULL, state, 'unmatched'), why, iif(why IS NULL, successor_id, NULL),
         ?5, ?5, ?6, ${NEXT_CHANGE}
       FROM (
         SELECT
           CASE
             WHEN t.id IS NULL THEN 'unknown_order'
             WHEN ?3 <> ${AMOUNT_DUE} OR ?4 <> t.currency THEN 'amount'
             WHEN t.status = 'paid' AND ${HAS_APPLIED} THEN 'already_paid'
             WHEN t.status = 'cancelled' AND NOT (${IS_REORDERED}) THEN 'ended'
           END AS why,
           CASE
             -- A confirmed successor: housekeeping applies its payments, which an older version left.
             WHEN t.status IN ('pending', 'cancelled') OR t.status = 'confirmed' AND t.id <> ?2
               THEN 'waiting'
             ELSE 'applied'
           END AS state,
           CASE WHEN t.status = 'cancelled' THEN ?7 WHEN t.id <> ?2 THEN t.id END AS successor_id
         FROM (SELECT 1) LEFT JOIN orders AS t
           ON t.id = coalesce((SELECT id FROM orders WHERE successor_of = ?2), ?2)
       ) WHERE true
       ON CONFLICT (reference) DO NOTHING`,
    )
    .bind(
      reference,
      orderId,
      amount,
      currency,
      now_ms,
      JSON.stringify(actor),
      successorId,
      mayReorder ? 1 : 0,
    );
}

/** On a row of `orders`: a payment waits for the order. */
export const HAS_WAITING = `EXISTS (SELECT 1 FROM payments
  WHERE payments.state = 'waiting' AND ${TARGET} = +orders.id)`;

/** On a row of `orders`: a payment is applied to the order. */
export const IS_PAID_BY_PAYMENT = `EXISTS (SELECT 1 FROM payments
  WHERE payments.state = 'applied' AND ${TARGET} = +orders.id)`;

/**
 * Judges the payments that wait for these orders by what the orders are now: the first one is
 * applied to an order that is paid, and the others have to be refunded, like all of an order that
 * ended. Belongs into every batch in which an order leaves `pending`, after its step.
 */
export function judgeWaiting(
  db: D1Database,
  ids: readonly string[],
  now_ms: number,
): D1PreparedStatement {
  return db
    .prepare(
      `UPDATE payments SET state = iif(j.why IS NULL, 'applied', 'unmatched'), why = j.why,
         updated_at = ?2, changed_in = ${NEXT_CHANGE}
       FROM (
         SELECT payments.id AS id, CASE
           WHEN t.status = 'cancelled' THEN 'ended'
           WHEN ${HAS_APPLIED} OR row_number() OVER (PARTITION BY t.id ORDER BY payments.id) > 1 THEN 'already_paid'
         END AS why
         FROM json_each(?1) AS e JOIN orders AS t ON t.id = e.value
           JOIN payments ON payments.state = 'waiting' AND ${TARGET} = +t.id
         WHERE t.status IN ('paid', 'cancelled')
       ) AS j
       WHERE payments.id = j.id`,
    )
    .bind(JSON.stringify(ids), now_ms);
}

/** Marks an unmatched payment as refunded. Returns the payment as it is then; null: unknown. */
export async function refundPayment(
  db: D1Database,
  policy: Policy,
  reference: string,
  now_ms: number,
): Promise<Payment | null> {
  const [, found] = await db.batch([
    db
      .prepare(
        `UPDATE payments SET state = 'refunded', updated_at = ?2, changed_in = ${NEXT_CHANGE}
         WHERE reference = ?1 AND state = 'unmatched'`,
      )
      .bind(reference, now_ms),
    selectPayment(db, reference),
    ...listChanges(db, policy, { references: [reference] }, now_ms),
  ]);
  const row = found?.results[0];
  return row === undefined ? null : paymentFromRow(row);
}

/**
 * Deletes applied and refunded payments that were received before a time, except those of an order
 * that is still there: a second payment for it would be applied as if it were the first.
 */
export function deleteOldPayments(db: D1Database, cutoff_ms: number): TableScan {
  // The position of a scan is text; '' is its start, and 0 as a number.
  const rows = `SELECT * FROM payments WHERE id > CAST(?1 AS INTEGER) ORDER BY id LIMIT ${SCAN_ROWS}`;
  const seen = db.prepare(`SELECT max(id) AS last, count(*) AS n FROM (${rows})`);
  const gone = db.prepare(
    `DELETE FROM payments WHERE id IN (SELECT id FROM (${rows}) AS p
       WHERE state IN ('applied', 'refunded') AND received_at < ?2 AND NOT EXISTS (
         SELECT 1 FROM orders WHERE orders.id IN (p.order_id, p.successor_id)))`,
  );
  return async (after) => {
    const [found, deleted] = await db.batch<{ last: number | null; n: number }>([
      seen.bind(after),
      gone.bind(after, cutoff_ms),
    ]);
    const row = found?.results[0];
    const next = row?.n === SCAN_ROWS ? `${row.last ?? ""}` : "";
    return { next, scanned: row?.n ?? 0, deleted: deleted?.meta.changes ?? 0 };
  };
}
