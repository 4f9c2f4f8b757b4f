import pMap from "p-map";
import { orderIdFloor } from "../../contract/order-id.ts";
import type { Erasure } from "../../contract/stock-api.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { endErasure, saveErasure, unfinishedErasure } from "./erasures.sql.ts";

/**
 * Takes the customer's name out of items which no order in D1 leads to any more: they count a
 * customer's units for ever, and keep locks for longer than D1 may keep the orders.
 */

/** Pages of the index of items, 100 SKUs each: a call of each stays far below an invocation's limit. */
const MAX_PAGES = 50;
const CONCURRENCY = 12;
const ITEM_TIMEOUT_MS = 5_000;

interface Names {
  customerId: string;
  erasedId: string;
}

/** False: there was no time for all, or an item did not answer. A repeat goes on where this ended. */
export async function eraseAtEveryItem(
  env: OrdersEnv,
  names: Names,
  end_ms: number,
): Promise<boolean> {
  const { DB: db, STOCK: stock } = env;
  const { customerId } = names;
  const { orderRetention_ms } = policyOf(env);
  // The orders of later locks are in D1, by which they were found.
  const before = orderRetention_ms === 0 ? "" : orderIdFloor(Date.now() - orderRetention_ms);
  try {
    const walk = await unfinishedErasure(db, customerId);
    const erasedId = walk?.erasedId ?? names.erasedId;
    let after = walk?.afterSku ?? "";
    for (let pages = 0; pages < MAX_PAGES && Date.now() < end_ms; pages++) {
      const index = async () => await stock.skus(after);
      const { skus, next } = await withTimeout(ITEM_TIMEOUT_MS, index, "the index of items");
      const erase = (sku: string) => eraseAt(stock, sku, { customerId, erasedId, before }, end_ms);
      await pMap(skus, erase, { concurrency: CONCURRENCY });
      if (next === null) {
        if (after !== "") await endErasure(db, customerId).run();
        return true;
      }
      after = next;
      // Not before a page is done: an erasure that could not begin leaves no name here.
      await saveErasure(db, { customerId, erasedId, afterSku: after }).run();
    }
  } catch (error) {
    log("warn", "erasure.item_failed", { error: errorText(error) });
  }
  return false;
}

async function eraseAt(
  stock: OrdersEnv["STOCK"],
  sku: string,
  { before, ...names }: Names & { before: string },
  end_ms: number,
): Promise<void> {
  for (let after: string | null = ""; after !== null;) {
    if (Date.now() >= end_ms) throw new Error(`time is up at stock item ${sku}`);
    const erasure: Erasure = { ...names, orderIds: [], pruned: { after, before } };
    const call = async (): Promise<string | null> => await stock.eraseCustomer(sku, erasure);
    // An earlier version of the stock Worker answers nothing.
    after = (await withTimeout(ITEM_TIMEOUT_MS, call, `stock item ${sku}`)) ?? null;
  }
}
