import { errorText, log } from "../../contract/log.ts";

/** There is one reconciler, under one name. */
export const reconcilerOf = (env: OrdersEnv) => env.RECONCILER.getByName("reconciler");

/** Asks the reconciler to look at what is due at a time. Never throws: the cron is enough alone. */
export function watchFrom(env: OrdersEnv): (at_ms: number) => Promise<void> {
  return async (at_ms) => {
    try {
      await reconcilerOf(env).watch(at_ms);
    } catch (error) {
      log("warn", "reconciler.unreachable", { error: errorText(error) });
    }
  };
}
