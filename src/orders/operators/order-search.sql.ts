import { orderIdFloor } from "../../contract/order-id.ts";
import { type OrderRow, orderFromRow, SHOWN_STATUS } from "../order/order-queries.sql.ts";
import type { Order, ShownStatus } from "../order/order.ts";

/** The operators' search of the orders of all customers. */

export interface OrderSearch {
  status: ShownStatus | null;
  customerId: string | null;
  /** Orders with a line of it. */
  sku: string | null;
  /**
   * What somebody has typed: an order id or the end of one, a customer's id, or part of the SKU or
   * the name of a line, in any case of ASCII letters.
   */
  q: string | null;
  placedFrom_ms: number | null;
  /** Exclusive. */
  placedTo_ms: number | null;
  /** The id of the last order that the previous page looked at; null for the first page. */
  before: string | null;
  limit: number;
}

export interface FoundOrders {
  orders: Order[];
  /** The `before` of the next page; null on the last page. */
  next: string | null;
  /** Down to which placing time was searched; null on the last page: all were. */
  searchedTo_ms: number | null;
}

/** Orders that one page looks at to find what is searched. A short or empty page need not be the last. */
const PAGE_SCAN = 1_000;
/**
 * An order gets its id before its placing time: it waits for its desk in between, behind at most 16
 * batches (8 MB by 500 KB) that D1 may take 10 s each for. Clocks of two machines may differ, so that
 * the id may also be a little later.
 */
const ID_EARLIER_MS = 300_000;
const ID_LATER_MS = 1_000;
/** Sorts after every order id. */
const NEWEST = "g";
const ID_DIGITS = 32;

const SEEN = "SELECT * FROM orders WHERE ?4 IS NULL AND id >= ?1 AND id < ?2";
const SEEN_OF_CUSTOMER = `SELECT * FROM orders INDEXED BY orders_by_customer
  WHERE customer_id = ?4 AND id >= ?1 AND id < ?2`;

const MATCHES = `(?5 IS NULL OR ${SHOWN_STATUS} = ?5)
  AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(lines) AS l WHERE l.value->>'sku' = ?6))
  AND (?7 IS NULL OR substr(replace(id, '-', ''), -length(?8)) = ?8
    OR EXISTS (SELECT 1 FROM json_each(lines) AS l
      WHERE instr(lower(l.value->>'sku'), lower(?7)) > 0
        OR instr(lower(l.value->>'name'), lower(?7)) > 0))
  AND (?9 IS NULL OR placed_at >= ?9) AND (?10 IS NULL OR placed_at < ?10)`;

/** An order id, or the end of one, with or without hyphens. */
const ID_END = /^-?(?:[0-9A-Fa-f]-?){4,32}$/;

/** Newest first, by the customer's index or by the id. */
export async function searchOrders(db: D1Database, search: OrderSearch): Promise<FoundOrders> {
  const named = search.customerId === null ? await customerNamed(db, search.q) : null;
  // The customer's orders are what was asked for: then it is no part of an id, SKU or name.
  const q = named === null ? search.q : null;
  const customerId = search.customerId ?? named;
  const { status, sku, placedFrom_ms, placedTo_ms, limit } = search;
  const idEnd = q !== null && ID_END.test(q) ? q.replaceAll("-", "").toLowerCase() : null;
  const filters = [status, sku, q, idEnd, placedFrom_ms, placedTo_ms];
  const isFiltered = filters.some((one) => one !== null);
  const scan = isFiltered ? PAGE_SCAN : limit;
  const { from, before } = idRange(search, idEnd);
  const seen = `${customerId === null ? SEEN : SEEN_OF_CUSTOMER} ORDER BY id DESC LIMIT ?3`;
  const [found, end] = await db.batch<OrderRow>([
    db
      .prepare(`SELECT * FROM (${seen}) WHERE ${MATCHES} LIMIT ?11`)
      .bind(from, before, scan, customerId, ...filters, limit),
    db
      .prepare(`SELECT * FROM (${seen}) LIMIT 1 OFFSET ?3 - 1`)
      .bind(from, before, scan, customerId),
  ]);
  const rows = found?.results ?? [];
  const last = rows.length === limit ? rows.at(-1) : end?.results[0];
  return {
    orders: rows.map(orderFromRow),
    next: last?.id ?? null,
    searchedTo_ms: last?.placed_at ?? null,
  };
}

/** The customer with orders whose id this is, as typed or in lower case. Reads one row of an index. */
async function customerNamed(db: D1Database, q: string | null): Promise<string | null> {
  if (q === null) return null;
  const row = await db
    .prepare(
      `SELECT customer_id AS id FROM orders INDEXED BY orders_by_customer
       WHERE customer_id IN (?1, lower(?1)) LIMIT 1`,
    )
    .bind(q)
    .first<{ id: string }>();
  return row?.id ?? null;
}

/** The ids among which the search looks: of a whole id only that one. */
function idRange(
  { placedFrom_ms, placedTo_ms, before }: OrderSearch,
  /** Without hyphens, in lower case. */
  idEnd: string | null,
) {
  const one = idEnd?.length === ID_DIGITS ? withHyphens(idEnd) : null;
  const from = [
    one ?? "",
    placedFrom_ms === null ? "" : orderIdFloor(placedFrom_ms - ID_EARLIER_MS),
  ];
  const to = [
    before ?? NEWEST,
    one === null ? NEWEST : `${one}-`, // the next text after the id
    placedTo_ms === null ? NEWEST : orderIdFloor(placedTo_ms + ID_LATER_MS),
  ];
  return {
    from: from.reduce((a, b) => (a > b ? a : b)),
    before: to.reduce((a, b) => (a < b ? a : b)),
  };
}

const withHyphens = (digits: string): string =>
  digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
