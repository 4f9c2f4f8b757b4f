import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";

/** The one reconciler object. */
export const reconcilerOf = (env: OrdersEnv) => env.RECONCILER.getByName("reconciler");

/** The longest that a commit waits for the reconciler. The cron alone is enough. */
const WATCH_TIMEOUT_MS = 1_000;

/** Asks the reconciler to run a pass at `at_ms`. Never throws: returns whether the reconciler answered. */
export async function scheduleReconcile(env: OrdersEnv, at_ms: number): Promise<boolean> {
  try {
    await withTimeout(WATCH_TIMEOUT_MS, () => reconcilerOf(env).watch(at_ms), "the reconciler");
    return true;
  } catch (error) {
    log("warn", "reconciler.schedule_failed", { error: errorText(error) });
    return false;
  }
}
