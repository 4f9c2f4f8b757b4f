import pTimeout from "p-timeout";
import { MAX_SKUS_PER_LEVELS_CALL } from "../../contract/limits.ts";
import { errorText, log } from "../../contract/log.ts";
import { applyLevels, listItems } from "../items/items.sql.ts";

/** Calls of one round: 1,000 items a minute; a larger catalogue takes several minutes to go round. */
const MAX_CALLS = 10;
const LEVELS_TIMEOUT_MS = 10_000;

/**
 * Rereads the levels of the next items after a SKU, so that a level that was lost heals, and one
 * that stands still stays confirmed. Returns the SKU to go on after, '' to start over.
 */
export async function refreshLevels(env: OrdersEnv, after: string): Promise<string> {
  let cursor = after;
  for (let calls = 0; calls < MAX_CALLS; calls++) {
    try {
      const items = await listItems(env.DB, { after: cursor, limit: MAX_SKUS_PER_LEVELS_CALL });
      const skus = items.map(({ sku }) => sku);
      const last = skus.at(-1);
      if (last === undefined) return "";
      const levels = await pTimeout(env.STOCK.levels(skus), { milliseconds: LEVELS_TIMEOUT_MS });
      await applyLevels(env.DB, levels, Date.now()).run();
      if (skus.length < MAX_SKUS_PER_LEVELS_CALL) return "";
      cursor = last;
    } catch (error) {
      log("warn", "levels.unread", { error: errorText(error) });
      return cursor;
    }
  }
  return cursor;
}
