import { type OrderRow, orderFromRow, SHOWN_STATUS } from "./order-queries.sql.ts";
import type { Order, ShownStatus } from "./order.ts";

/** The lists of customers. `operators/order-search.sql.ts` has those of operators. */

export interface OrderQuery {
  customerId: string;
  status: ShownStatus | null;
  /** The id of the last order that the previous page looked at; null for the first page. */
  before: string | null;
  limit: number;
}

export interface OrderPage {
  orders: Order[];
  /** The `before` of the next page; null on the last page. */
  next: string | null;
}

/** Orders that one page looks at to find those of a status. A short or empty page need not be the last. */
const PAGE_SCAN = 1_000;

const SEEN = `SELECT * FROM orders INDEXED BY orders_by_customer
  WHERE customer_id = ?1 AND id < coalesce(?2, '~') ORDER BY id DESC LIMIT ?3`;

/** A page for each query, newest first, in one call of D1. */
export async function listOrders(
  db: D1Database,
  queries: readonly OrderQuery[],
): Promise<OrderPage[]> {
  const results = await db.batch<OrderRow>(
    queries.flatMap((query) => [selectPage(db, query), selectScanned(db, query)]),
  );
  return queries.map(({ limit }, i) => {
    const found = results[2 * i]?.results ?? [];
    const page = found.slice(0, limit);
    const last = found.length > limit ? page.at(-1) : results[2 * i + 1]?.results[0];
    return { orders: page.map(orderFromRow), next: last?.id ?? null };
  });
}

/** One order more than the page has shows whether there is a next page. */
function selectPage(db: D1Database, { customerId, status, before, limit }: OrderQuery) {
  const scan = status === null ? limit + 1 : PAGE_SCAN;
  return db
    .prepare(`SELECT * FROM (${SEEN}) WHERE ?4 IS NULL OR ${SHOWN_STATUS} = ?4 LIMIT ?5`)
    .bind(customerId, before, scan, status, limit + 1);
}

/** The last order that a search for a status looks at, by the index alone. */
function selectScanned(db: D1Database, { customerId, status, before }: OrderQuery) {
  return db
    .prepare(
      `SELECT id FROM orders INDEXED BY orders_by_customer
       WHERE customer_id = ?1 AND id < coalesce(?2, '~') AND ?3 IS NOT NULL
       ORDER BY id DESC LIMIT 1 OFFSET ${PAGE_SCAN - 1}`,
    )
    .bind(customerId, before, status);
}
