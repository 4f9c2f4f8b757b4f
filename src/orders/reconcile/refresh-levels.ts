import { MAX_SKUS_PER_LEVELS_CALL } from "../../contract/limits.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { listSkus } from "../items/item-queries.sql.ts";
import { storeLevels } from "../items/items.sql.ts";

/** Calls of one round, for 1,000 items a minute. A larger catalogue takes several rounds. */
const MAX_CALLS = 10;
const LEVELS_TIMEOUT_MS = 12_000;

/**
 * Reads the levels of the next items after a SKU. This heals a level that was lost, and confirms a
 * level that does not change. Tells `heard` whether the stock Worker answered. Returns the SKU after
 * which to continue; '' to start again.
 */
export async function refreshLevels(
  env: OrdersEnv,
  after: string,
  heard: (isAnswered: boolean) => void = () => undefined,
): Promise<string> {
  let cursor = after;
  for (let calls = 0; calls < MAX_CALLS; calls++) {
    const skus = await listSkus(env.DB, { after: cursor, limit: MAX_SKUS_PER_LEVELS_CALL });
    const last = skus.at(-1);
    if (last === undefined) return "";
    try {
      const levels = await readLevels(env, skus, heard);
      await storeLevels(env.DB, policyOf(env), levels, Date.now());
    } catch (error) {
      // Continues with the next items. These are read again when the scan comes back to them.
      log("warn", "levels.read_failed", { after: cursor, error: errorText(error) });
    }
    if (skus.length < MAX_SKUS_PER_LEVELS_CALL) return "";
    cursor = last;
  }
  return cursor;
}

async function readLevels(env: OrdersEnv, skus: string[], heard: (isAnswered: boolean) => void) {
  try {
    const levels = await withTimeout(LEVELS_TIMEOUT_MS, () => env.STOCK.levels(skus), "levels");
    heard(true);
    return levels;
  } catch (error) {
    heard(false);
    throw error;
  }
}
