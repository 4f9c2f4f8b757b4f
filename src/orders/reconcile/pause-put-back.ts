import pMap from "p-map";
import { SYSTEM } from "../../contract/actor.ts";
import type { ReadLevel } from "../../contract/stock-api.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { storeLevels } from "../items/items.sql.ts";
import { unpausedPutBack } from "../items/put-back.sql.ts";

const PAUSE_TIMEOUT_MS = 5_000;
/** Items that do not answer must not keep the others on sale for a time-out each. */
const CONCURRENCY = 12;

/**
 * Pauses items that were put back: they do not know of units that they have sold. They take orders
 * again when an operator resumes them. Never throws: a failure is logged, and the next round repeats.
 */
export async function pausePutBack(env: OrdersEnv): Promise<void> {
  try {
    const skus = await unpausedPutBack(env.DB);
    const paused = await pMap(skus, (sku) => pause(env, sku), { concurrency: CONCURRENCY });
    const levels = paused.filter((level) => level !== null);
    if (levels.length > 0) await storeLevels(env.DB, policyOf(env), levels, Date.now());
  } catch (error) {
    log("error", "items.pause_failed", { error: errorText(error) });
  }
}

async function pause(env: OrdersEnv, sku: string): Promise<ReadLevel | null> {
  log("error", "item.put_back", { sku });
  try {
    const call = async () => await env.STOCK.setPaused(sku, { isPaused: true, actor: SYSTEM });
    return await withTimeout(PAUSE_TIMEOUT_MS, call, `stock item ${sku}`);
  } catch (error) {
    log("error", "item.pause_failed", { sku, error: errorText(error) });
    return null;
  }
}
