import { MAX_SKUS_PER_LEVELS_CALL } from "../../contract/limits.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { applyLevels, listItems } from "../items/items.sql.ts";

/** Calls of one round: 1,000 items a minute; a larger catalogue takes several minutes to go round. */
const MAX_CALLS = 10;
const LEVELS_TIMEOUT_MS = 12_000;

/**
 * Rereads the levels of the next items after a SKU, so that a level that was lost heals, and one
 * that stands still stays confirmed. Returns the SKU to go on after, '' to start over.
 */
export async function refreshLevels(env: OrdersEnv, after: string): Promise<string> {
  let cursor = after;
  for (let calls = 0; calls < MAX_CALLS; calls++) {
    const page = { after: cursor, limit: MAX_SKUS_PER_LEVELS_CALL };
    const items = await listItems(env.DB, page);
    const skus = items.map(({ sku }) => sku);
    const last = skus.at(-1);
    if (last === undefined) return "";
    try {
      const levels = await withTimeout(LEVELS_TIMEOUT_MS, () => env.STOCK.levels(skus), "levels");
      await applyLevels(env.DB, levels, Date.now()).run();
    } catch (error) {
      // On to the next all the same: these are read again when the round comes back to them.
      log("warn", "levels.read_failed", { after: cursor, error: errorText(error) });
    }
    if (skus.length < MAX_SKUS_PER_LEVELS_CALL) return "";
    cursor = last;
  }
  return cursor;
}
