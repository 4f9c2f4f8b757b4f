import { ERASED_PREFIX } from "../../contract/erased.ts";
import type { ErasedOrder, StockApi } from "../../contract/stock-api.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { eraseFromDeadLetters } from "../dead-letters/dead-letters.sql.ts";
import { deleteKeysOfOrders } from "../order/idempotency-keys.sql.ts";
import type { Status } from "../order/order.ts";
import { eraseAgain } from "../order/orders.sql.ts";

/**
 * A database that was put back names customers again who were erased since. The locks of their orders
 * say by which names: the orders take these over. An erasure of which no item has a lock any more has
 * to be repeated.
 */

interface ErasurePorts {
  db: D1Database;
  stock: Pick<StockApi, "erasures">;
  isApplied: boolean;
}

/** An order that names an erased customer. */
export interface Named extends ErasedOrder {
  customerId: string;
  status: Status;
}

/** Orders of one step: so many transactions do not fill a call. */
const ORDERS_PER_STEP = 100;
const ITEM_TIMEOUT_MS = 5_000;

/** One page of an item's locks. `next`: where to go on at this item; null: it is done. */
export async function recoverErasures(
  { sku, after }: { sku: string; after: string },
  { db, stock, isApplied }: ErasurePorts,
): Promise<{ orders: Named[]; next: string | null }> {
  const call = async () => await stock.erasures(sku, after);
  const { orders, next } = await withTimeout(ITEM_TIMEOUT_MS, call, `stock item ${sku}`);
  const named = orders.length === 0 ? [] : await stillNamed(db, orders);
  // What does not fit into the step is the next one's.
  const isFull = named.length === ORDERS_PER_STEP;
  const page = { orders: named, next: isFull ? (named.at(-1)?.orderId ?? next) : next };
  if (named.length === 0 || !isApplied) return page;
  const names = new Map(named.map(({ customerId, erasedId }) => [customerId, erasedId]));
  await db.batch([
    // Before the orders: by them it knows whose keys they are.
    deleteKeysOfOrders(
      db,
      named.map(({ orderId }) => orderId),
    ),
    eraseAgain(db, named),
    ...[...names].map(([customerId, erasedId]) => eraseFromDeadLetters(db, customerId, erasedId)),
  ]);
  return page;
}

async function stillNamed(db: D1Database, orders: readonly ErasedOrder[]): Promise<Named[]> {
  const { results } = await db
    .prepare(
      `SELECT orders.id AS orderId, customer_id AS customerId, status, e.value->>'erasedId' AS erasedId
       FROM json_each(?1) AS e JOIN orders ON orders.id = e.value->>'orderId'
       WHERE customer_id NOT GLOB '${ERASED_PREFIX}*' ORDER BY e.key LIMIT ${ORDERS_PER_STEP}`,
    )
    .bind(JSON.stringify(orders))
    .all<Named>();
  return results;
}
