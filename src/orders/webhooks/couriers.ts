import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { listWebhooks } from "./webhooks.sql.ts";

/** The courier of a webhook. */
export const courierOf = (env: OrdersEnv, id: string) => env.COURIER.getByName(id);

const WAKE_TIMEOUT_MS = 5_000;

/** Sets the alarms of couriers that have lost theirs. Called each minute; never throws. */
export async function wakeCouriers(env: OrdersEnv): Promise<void> {
  try {
    const webhooks = await listWebhooks(env.DB);
    const wakes = webhooks
      .filter(({ state }) => state === "on")
      .map(({ id }) =>
        withTimeout(WAKE_TIMEOUT_MS, () => courierOf(env, id).wake(id), "a courier"),
      );
    for (const result of await Promise.allSettled(wakes)) {
      if (result.status === "rejected") throw result.reason;
    }
  } catch (error) {
    log("warn", "webhooks.wake_failed", { error: errorText(error) });
  }
}
