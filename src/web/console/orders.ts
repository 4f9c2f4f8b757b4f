import { ok, type Order, type Status } from "../shared/api.ts";
import { client } from "./session.ts";

/** The search of the orders of all customers. */

const PAGE = "25";
/** Pages of 1,000 orders that one search looks at; the reader asks for more. */
const MAX_PAGES = 10;

export const FILTERS = ["pending", "confirmed", "paid", "returned", "cancelled"] as const;

export interface OrderQuery {
  /** An order id or its end, a customer, a SKU or a name; empty: all. */
  q: string;
  /** Empty: any. */
  status: Status | "";
}

export interface OrderList {
  /** Newest first. */
  orders: Order[];
  nextCursor: string | null;
  /** Down to which placing time was searched; null: all were. */
  searchedTo: string | null;
}

export function readPage({ q, status }: OrderQuery, cursor: string | null): Promise<OrderList> {
  const query = {
    limit: PAGE,
    ...(q !== "" && { q }),
    ...(status !== "" && { status }),
    ...(cursor && { cursor }),
  };
  return ok(client.v1.operations.orders.$get({ query }));
}

/** Goes on until a page is full of what is searched, or the search has looked far enough. */
export async function readOrders(query: OrderQuery, cursor: string | null): Promise<OrderList> {
  const found: OrderList = { orders: [], nextCursor: cursor, searchedTo: null };
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const page = await readPage(query, found.nextCursor);
    found.orders.push(...page.orders);
    found.nextCursor = page.nextCursor;
    found.searchedTo = page.searchedTo;
    if (page.nextCursor === null || found.orders.length >= Number(PAGE)) break;
  }
  return found;
}

/** The known version with the higher revision. */
export const newer = (a: Order, b: Order | undefined): Order =>
  b !== undefined && b.revision > a.revision ? b : a;

/**
 * What the reader looks at, with the latest of each row. Rows neither move nor go: `arrived` are the
 * orders that the list would have now, and waits to be asked for.
 */
export function heldList(held: OrderList, latest: OrderList | null) {
  const byId = new Map(latest?.orders.map((order) => [order.id, order]));
  const shown = new Set(held.orders.map(({ id }) => id));
  const oldest = held.orders.at(-1)?.id ?? "";
  return {
    orders: held.orders.map((order) => newer(order, byId.get(order.id))),
    arrived: (latest?.orders ?? []).filter(({ id }) => !shown.has(id) && id > oldest).length,
  };
}
