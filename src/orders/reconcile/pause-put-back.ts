import { SYSTEM } from "../../contract/actor.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { storeLevels } from "../items/items.sql.ts";
import { unpausedPutBack } from "../items/put-back.sql.ts";

const PAUSE_TIMEOUT_MS = 5_000;

/**
 * Pauses items that were put back: they do not know of units that they have sold. They take orders
 * again when an operator resumes them. Never throws: a failure is logged, and the next round repeats.
 */
export async function pausePutBack(env: OrdersEnv): Promise<void> {
  try {
    for (const sku of await unpausedPutBack(env.DB)) {
      log("error", "item.put_back", { sku });
      const pause = async () => await env.STOCK.setPaused(sku, { isPaused: true, actor: SYSTEM });
      const level = await withTimeout(PAUSE_TIMEOUT_MS, pause, `stock item ${sku}`);
      await storeLevels(env.DB, policyOf(env), [level], Date.now());
    }
  } catch (error) {
    log("error", "items.pause_failed", { error: errorText(error) });
  }
}
