import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";

/** What the reconciler knows of itself and of the stock Worker. */
export interface ReconcilerHealth {
  /** When the cron last ran; null: not since the reconciler exists. */
  cronAt_ms: number | null;
  /** When somebody first asked. */
  startedAt_ms: number;
  /** Since when the stock Worker has not answered; null: it does. */
  stockAwaySince_ms: number | null;
}

/** The one reconciler object. */
export const reconcilerOf = (env: OrdersEnv) => env.RECONCILER.getByName("reconciler");

/** The longest that a commit waits for the reconciler. The cron alone is enough. */
const WATCH_TIMEOUT_MS = 1_000;

/** Asks the reconciler for a pass at `at_ms`. Never throws: returns whether the reconciler answered. */
export async function scheduleReconcile(env: OrdersEnv, at_ms: number): Promise<boolean> {
  try {
    await withTimeout(WATCH_TIMEOUT_MS, () => reconcilerOf(env).watch(at_ms), "the reconciler");
    return true;
  } catch (error) {
    log("warn", "reconciler.schedule_failed", { error: errorText(error) });
    return false;
  }
}
