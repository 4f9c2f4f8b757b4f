import { type Leader, SharedRead, type SharedKey } from "../../runtime/shared-read.ts";
import { D1_TIMEOUT_MS } from "../database/d1.ts";
import { listOrders, type OrderPage, type OrderQuery } from "./order-list.sql.ts";
import { getOrder, ordersById } from "./order-queries.sql.ts";
import type { Order } from "./order.ts";

/**
 * Reads that come while one is under way share the next: a call of D1 takes a millisecond, and a
 * statement of it some hundredths. Everything is read after it was asked for. A busy isolate begins a
 * read no sooner than 5 ms after the last: more share it, and all are answered sooner
 * (docs/performance.md). A lone reader waits for nobody.
 */
const OPTIONS = {
  what: "D1",
  interval_ms: 5,
  fresh_ms: 0,
  joinsRunning: false,
  warm_ms: 0,
  timeout_ms: 2 * D1_TIMEOUT_MS,
};

/** An order with 50 lines and 4 KB of metadata has 20 KB, and an answer of D1 at most 32 MB. */
const MAX_ORDERS = 300;
const MAX_LISTS = 12;

const nameOf = (key: SharedKey): string => key.slice(key.indexOf(":") + 1);

const orders = new SharedRead<D1Database, Order>(
  { ...OPTIONS, limits: { order: MAX_ORDERS } },
  async (db, keys) => {
    const found = await ordersById(db, keys.map(nameOf));
    return new Map([...found].map(([id, order]) => [`order:${id}` as const, order]));
  },
);

const lists = new SharedRead<D1Database, OrderPage>(
  { ...OPTIONS, limits: { list: MAX_LISTS } },
  async (db, keys) => {
    const queries = keys.map((key) => JSON.parse(nameOf(key)) as OrderQuery);
    const pages = await listOrders(db, queries);
    return new Map(keys.flatMap((key, i) => (pages[i] ? [[key, pages[i]] as const] : [])));
  },
);

type Reader = Leader<D1Database>;

/** The order as it stands now; null: there is none. */
export async function readOrder(reader: Reader, id: string): Promise<Order | null> {
  const read = orders.get(`order:${id}`, reader, Date.now());
  return read === null ? getOrder(reader.source, id) : ((await read) ?? null);
}

/** A page of a customer's orders as they stand now. */
export async function readPage(reader: Reader, query: OrderQuery): Promise<OrderPage> {
  const read = lists.get(`list:${JSON.stringify(query)}`, reader, Date.now());
  const page = read === null ? (await listOrders(reader.source, [query]))[0] : await read;
  return page ?? { orders: [], next: null };
}
