import type { Mismatch, Payment, PaymentState } from "./payment.ts";

/** The reads of the table `payments`. `payments.sql.ts` writes it. */

/** The order that a payment pays. An index has this very expression. */
export const TARGET = "coalesce(payments.successor_id, payments.order_id)";

interface PaymentRow {
  id: number;
  reference: string;
  order_id: string;
  amount: number;
  currency: string;
  state: PaymentState;
  why: Mismatch | null;
  successor_id: string | null;
  received_at: number;
  actor: string;
}

export const paymentFromRow = (row: unknown): Payment => {
  const { order_id, successor_id, received_at, actor, ...same } = row as PaymentRow;
  return {
    id: same.id,
    reference: same.reference,
    amount: same.amount,
    currency: same.currency,
    state: same.state,
    why: same.why,
    orderId: order_id,
    successorId: successor_id,
    receivedAt_ms: received_at,
    actor: JSON.parse(actor),
  };
};

export function selectPayment(db: D1Database, reference: string): D1PreparedStatement {
  return db.prepare("SELECT * FROM payments WHERE reference = ?").bind(reference);
}

/** At most `limit` orders that have left `pending`, for which payments wait all the same. */
export async function overlookedOrders(db: D1Database, limit: number): Promise<string[]> {
  const { results } = await db
    .prepare(
      `SELECT DISTINCT orders.id AS id FROM payments JOIN orders ON orders.id = ${TARGET}
       WHERE payments.state = 'waiting' AND orders.status <> 'pending' LIMIT ?`,
    )
    .bind(limit)
    .all<{ id: string }>();
  return results.map(({ id }) => id);
}

export interface PaymentQuery {
  state: PaymentState | null;
  /** As reported, or the successor's. */
  orderId: string | null;
  /** The id of the last payment of the previous page; null for the first page. */
  before: number | null;
  limit: number;
}

/** Rows that one page reads to find a state. A short or empty page need not be the last. */
const PAGE_SCAN = 1_000;

/** Newest first. `next`: the `before` of the next page; null on the last page. */
export async function listPayments(
  db: D1Database,
  { state, orderId, before, limit }: PaymentQuery,
): Promise<{ payments: Payment[]; next: number | null }> {
  const end = before ?? Number.MAX_SAFE_INTEGER;
  const isScan = orderId === null && (state === "applied" || state === "refunded");
  const scan = isScan ? PAGE_SCAN : limit + 1;
  // The partial indexes serve these two states only if the statement names them.
  const named = state === "waiting" || state === "unmatched" ? `AND state = '${state}'` : "";
  const rows =
    orderId === null
      ? `SELECT * FROM payments WHERE id < ?1 ${named} ORDER BY id DESC LIMIT ?2`
      : `SELECT * FROM payments WHERE (order_id = ?3 OR successor_id = ?3) AND id < ?1
         ${state === null ? "" : `AND state = '${state}'`} ORDER BY id DESC LIMIT ?2`;
  const statement = db.prepare(rows);
  const { results } = await (
    orderId === null ? statement.bind(end, scan) : statement.bind(end, scan, orderId)
  ).all<PaymentRow>();
  const found = results.filter((row) => state === null || row.state === state);
  const page = found.slice(0, limit);
  if (found.length > limit)
    return { payments: page.map(paymentFromRow), next: page.at(-1)?.id ?? null };
  const last = results.length === scan ? (results.at(-1)?.id ?? null) : null;
  return { payments: page.map(paymentFromRow), next: last };
}
