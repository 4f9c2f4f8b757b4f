import { type Leader, SharedRead } from "../../runtime/shared-read.ts";
import { D1_TIMEOUT_MS } from "../database/d1.ts";
import { getOrder, ordersById } from "./order-queries.sql.ts";
import type { Order } from "./order.ts";

/** With 50 lines and 4 KB of metadata each, these are 6 MB. */
const MAX_ORDERS = 300;

/**
 * Reads of orders that come while one is under way share the next: a call of D1 takes a millisecond,
 * and an order of it some hundredths. Each is read after it was asked for.
 */
const reads = new SharedRead<D1Database, Order>(
  {
    what: "D1",
    limits: { order: MAX_ORDERS },
    interval_ms: 0,
    fresh_ms: 0,
    joinsRunning: false,
    warm_ms: 0,
    timeout_ms: 2 * D1_TIMEOUT_MS,
  },
  async (db, keys) => {
    const orders = await ordersById(
      db,
      keys.map((key) => key.slice("order:".length)),
    );
    return new Map([...orders].map(([id, order]) => [`order:${id}` as const, order]));
  },
);

/** The order as it stands now; null: there is none. */
export async function readOrder(reader: Leader<D1Database>, id: string): Promise<Order | null> {
  const read = reads.get(`order:${id}`, reader, Date.now());
  return read === null ? getOrder(reader.source, id) : ((await read) ?? null);
}
