import pMap from "p-map";
import { v4 } from "uuid";
import { ERASED_PREFIX } from "../../contract/erased.ts";
import { MAX_ORDERS_PER_LANE_CALL } from "../../contract/limits.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { fenced, withFence } from "../database/fenced.ts";
import { eraseFromDeadLetters } from "../dead-letters/dead-letters.sql.ts";
import { deletePresence } from "../feed/presence.sql.ts";
import { deleteKeysOf } from "../order/idempotency-keys.sql.ts";
import { ordersToErase } from "../order/order-queries.sql.ts";
import type { Order } from "../order/order.ts";
import { eraseOrders } from "../order/orders.sql.ts";
import { ordersReturning } from "../order/returns.sql.ts";
import { courierOf } from "../webhooks/couriers.ts";
import { listWebhooks } from "../webhooks/webhooks.sql.ts";
import { eraseAtEveryItem } from "./erase-at-every-item.ts";

/**
 * `unfinished`: an order of the customer is not finished. `more`: there was no time for all, or an item
 * did not answer; a repeat goes on.
 */
export type Erased = "erased" | "unfinished" | "more";

/** Orders of one step: one call of each of their items. */
const STEP = MAX_ORDERS_PER_LANE_CALL;
/** Steps of one call; of 20 s, the longest it takes. */
const MAX_STEPS = 50;
const CALL_MS = 20_000;
const CONCURRENCY = 12;
const ITEM_TIMEOUT_MS = 5_000;

/**
 * Takes the customer's name out of everything but the ledgers, which have none: orders and locks go
 * over to a name that says nothing. In steps, items before orders: a step that dies is found again by
 * its orders, which still name the customer. Then the items once more, all of them, for orders that
 * were pruned.
 */
export async function eraseCustomer(env: OrdersEnv, customerId: string): Promise<Erased> {
  const erasedId = `${ERASED_PREFIX}${v4()}`;
  const names = { customerId, erasedId };
  const end_ms = Date.now() + CALL_MS;
  const db = fenced(env.DB, { beat: 0 });
  for (let steps = 0; steps < MAX_STEPS && Date.now() < end_ms; steps++) {
    const orders = await ordersToErase(db, customerId, STEP);
    if (orders.length === 0) {
      await eraseTheRest(env, customerId, erasedId);
      if (!(await eraseAtCouriers(env, customerId, erasedId))) return "more";
      return (await eraseAtEveryItem(withFence(env, 0), names, end_ms)) ? "erased" : "more";
    }
    if (await hasUnfinished(env.DB, orders)) return "unfinished";
    if (!(await eraseAtItems(env, names, orders))) return "more";
    const ids = orders.map(({ id }) => id);
    await eraseOrders(db, { customerId, erasedId, ids }).run();
  }
  return "more";
}

/** Unfinished orders come first, so none of the customer's orders is erased while there is one. */
async function hasUnfinished(db: D1Database, orders: readonly Order[]): Promise<boolean> {
  const isOpen = ({ status, awaits }: Order) =>
    status === "pending" || status === "confirmed" || awaits !== null;
  if (orders.some(isOpen)) return true;
  const ids = orders.map(({ id }) => id);
  return (await ordersReturning(db, ids)).size > 0;
}

async function eraseAtItems(
  env: OrdersEnv,
  names: { customerId: string; erasedId: string },
  orders: readonly Order[],
): Promise<boolean> {
  const skus = new Set(orders.flatMap(({ lines }) => lines.map(({ sku }) => sku)));
  const erase = async (sku: string): Promise<void> => {
    const own = orders.filter(({ lines }) => lines.some((line) => line.sku === sku));
    const erasure = { ...names, orderIds: own.map(({ id }) => id) };
    await withTimeout(ITEM_TIMEOUT_MS, async () => await env.STOCK.eraseCustomer(sku, erasure));
  };
  try {
    await pMap(skus, erase, { concurrency: CONCURRENCY });
    return true;
  } catch (error) {
    log("warn", "erasure.item_failed", { error: errorText(error) });
    return false;
  }
}

/** Events that are kept have the customer's name in their bodies. */
async function eraseAtCouriers(env: OrdersEnv, customerId: string, erasedId: string) {
  try {
    for (const { id } of await listWebhooks(env.DB)) {
      const erase = () => courierOf(env, id).eraseCustomer(customerId, erasedId);
      await withTimeout(ITEM_TIMEOUT_MS, erase, "a courier");
    }
    return true;
  } catch (error) {
    log("warn", "erasure.courier_failed", { error: errorText(error) });
    return false;
  }
}

async function eraseTheRest(env: OrdersEnv, customerId: string, erasedId: string): Promise<void> {
  await env.DB.batch([
    deleteKeysOf(env.DB, customerId),
    deletePresence(env.DB, customerId),
    eraseFromDeadLetters(env.DB, customerId, erasedId),
  ]);
  try {
    // An open feed would mark the customer as present again.
    await withTimeout(ITEM_TIMEOUT_MS, () => env.FEED.getByName(customerId).disconnect());
  } catch (error) {
    log("warn", "feed.disconnect_failed", { error: errorText(error) });
  }
}
