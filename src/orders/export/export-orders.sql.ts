import { orderIdFloor } from "../../contract/order-id.ts";
import { type OrderRow, orderFromRow } from "../order/order-queries.sql.ts";
import { paymentFromRow } from "../order/payment-queries.sql.ts";
import { returnFromRow } from "../order/returns.sql.ts";
import type { ExportedOrder, ExportedPayment } from "./accounts.ts";
import type { Page } from "./pages.ts";

/** The orders of a time with their payments and returns, in pages by id. */

/** Orders of one page, and what they and their entries have as stored; one order is always in. */
const PAGE_ORDERS = 500;
const PAGE_BYTES = 1_000_000;
/** What a payment counts, as it is stored: its reference may have 255 characters. */
const PAYMENT_BYTES = 600;
/** The page's own stay far below it. It bounds what the last order adds. */
const MAX_PAYMENTS = 20_000;
/** Statements of one page, which D1 counts one by one. */
export const STATEMENTS_PER_PAGE = 3;

const OWN_BYTES = `length(CAST(o.lines || o.history || coalesce(o.metadata, '')
  || coalesce(o.shortages, '') AS BLOB))`;
const RETURN_BYTES = `coalesce((SELECT sum(length(CAST(lines || reason || actor AS BLOB)))
  FROM returns WHERE returns.order_id = o.id), 0)`;
const PAYMENTS = `(SELECT count(*) FROM payments
    WHERE payments.order_id = o.id AND payments.successor_id IS NULL)
  + (SELECT count(*) FROM payments WHERE payments.successor_id = o.id)`;

/** The page's ids. Each statement finds them anew, in one transaction, so all have the same. */
const WITH_PAGE = `WITH page AS MATERIALIZED (
  SELECT id, seen FROM (
    SELECT id, bytes, sum(bytes) OVER (ORDER BY id) AS total, count(*) OVER () AS seen FROM (
      SELECT o.id, ${OWN_BYTES} + ${RETURN_BYTES} + ${PAYMENT_BYTES} * (${PAYMENTS}) AS bytes
      FROM (SELECT * FROM orders WHERE id > ?1 AND id < ?2 ORDER BY id LIMIT ${PAGE_ORDERS}) AS o))
  WHERE total - bytes < ${PAGE_BYTES})`;

/** Where an export is: between the id after which it goes on, and that before which it ends. */
export interface IdRange {
  after: string;
  before: string;
}

/**
 * The ids made in [from, to), after one of them if the export goes on. An id is made a moment before
 * its order is placed. By it each order belongs to one range, however long it waited for its desk.
 */
export function idsMadeIn(from_ms: number, to_ms: number, after: string | null): IdRange {
  const from = orderIdFloor(from_ms);
  const isLater = after !== null && after > from;
  return { after: isLater ? after : from, before: orderIdFloor(to_ms) };
}

/** The next orders by id, with their payments and returns, as they are at one moment. */
export async function readOrders(
  db: D1Database,
  { after, before }: IdRange,
): Promise<Page<ExportedOrder>> {
  const [orders, payments, returns] = await db.batch(
    [
      db.prepare(
        `${WITH_PAGE} SELECT orders.*, page.seen FROM page CROSS JOIN orders ON orders.id = page.id ORDER BY page.id`,
      ),
      // By the order that a payment pays: each payment is one order's.
      db.prepare(
        `${WITH_PAGE} SELECT page.id AS target, payments.* FROM page CROSS JOIN payments
             ON payments.order_id = page.id AND payments.successor_id IS NULL
         UNION ALL SELECT page.id AS target, payments.* FROM page CROSS JOIN payments
             ON payments.successor_id = page.id
         ORDER BY 2 LIMIT ${MAX_PAYMENTS}`,
      ),
      db.prepare(
        `${WITH_PAGE} SELECT returns.*, orders.customer_id FROM page
           CROSS JOIN returns ON returns.order_id = page.id
           CROSS JOIN orders ON orders.id = page.id
         ORDER BY returns.id`,
      ),
    ].map((statement) => statement.bind(after, before)),
  );
  const paid = (payments?.results ?? []) as PaymentOfOrder[];
  if (paid.length === MAX_PAYMENTS) {
    throw new RangeError(`an order after ${after} has more payments than an export can hold`);
  }
  const paymentsOf = Map.groupBy(paid, ({ target }) => target);
  const returnsOf = Map.groupBy((returns?.results ?? []).map(returnFromRow), (one) => one.orderId);
  const rows = (orders?.results ?? []) as (OrderRow & { seen: number })[];
  const entries = rows.map((row) => ({
    order: orderFromRow(row),
    payments: (paymentsOf.get(row.id) ?? []).map(exportedPayment),
    returns: returnsOf.get(row.id) ?? [],
  }));
  const last = rows.at(-1);
  const hasMore = last !== undefined && (last.seen === PAGE_ORDERS || last.seen > rows.length);
  return { entries, next: hasMore ? last.id : null };
}

interface PaymentOfOrder {
  target: string;
  updated_at: number;
}

/** A refund is the last step of a payment. */
function exportedPayment(row: PaymentOfOrder): ExportedPayment {
  const payment = paymentFromRow(row);
  return { ...payment, refundedAt_ms: payment.state === "refunded" ? row.updated_at : null };
}
