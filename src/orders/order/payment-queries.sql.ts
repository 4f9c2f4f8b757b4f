import type { Mismatch, Payment, PaymentState } from "./payment.ts";

/** The reads of the table `payments`. `payments.sql.ts` writes it. */

/**
 * The order that a payment pays, which two indexes have as an expression. What it is compared with
 * needs a `+`: by the affinity of a column, SQLite could not use an index over an expression.
 */
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
  query: PaymentQuery,
): Promise<{ payments: Payment[]; next: number | null }> {
  const { state, limit } = query;
  const isOfOrder = query.orderId !== null;
  const hasIndex = isOfOrder || state === null || state === "waiting" || state === "unmatched";
  const scan = hasIndex ? limit + 1 : PAGE_SCAN;
  const { results } = await (
    isOfOrder ? selectOfOrder(db, query, scan) : selectAll(db, query, scan)
  ).all<PaymentRow>();
  const found = results.filter((row) => state === null || row.state === state);
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : results.length === scan ? results.at(-1) : null;
  return { payments: page.map(paymentFromRow), next: last?.id ?? null };
}

/** The partial indexes serve two of the states, if the statement names them. */
function selectAll(db: D1Database, { state, before }: PaymentQuery, limit: number) {
  const named = state === "waiting" || state === "unmatched" ? `AND state = '${state}'` : "";
  return db
    .prepare(`SELECT * FROM payments WHERE id < ?1 ${named} ORDER BY id DESC LIMIT ?2`)
    .bind(before ?? Number.MAX_SAFE_INTEGER, limit);
}

function selectOfOrder(db: D1Database, { state, orderId, before }: PaymentQuery, limit: number) {
  return db
    .prepare(
      `SELECT * FROM payments WHERE (order_id = ?3 OR successor_id = ?3) AND id < ?1
         AND (?4 IS NULL OR state = ?4) ORDER BY id DESC LIMIT ?2`,
    )
    .bind(before ?? Number.MAX_SAFE_INTEGER, limit, orderId, state);
}
