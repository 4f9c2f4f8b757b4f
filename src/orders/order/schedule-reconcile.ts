import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";

/** There is one reconciler, under one name. */
export const reconcilerOf = (env: OrdersEnv) => env.RECONCILER.getByName("reconciler");

/** A commit waits for this at most: the cron is enough alone. */
const WATCH_TIMEOUT_MS = 1_000;

/** Asks the reconciler to look at what is due at a time. Never throws; says whether it heard. */
export async function scheduleReconcile(env: OrdersEnv, at_ms: number): Promise<boolean> {
  try {
    await withTimeout(WATCH_TIMEOUT_MS, () => reconcilerOf(env).watch(at_ms), "the reconciler");
    return true;
  } catch (error) {
    log("warn", "reconciler.schedule_failed", { error: errorText(error) });
    return false;
  }
}
