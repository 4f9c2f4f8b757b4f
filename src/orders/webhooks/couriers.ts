import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { endFailingAhead, listWebhooks } from "./webhooks.sql.ts";

/** The courier of a webhook. */
export const courierOf = (env: OrdersEnv, id: string) => env.COURIER.getByName(id);

const WAKE_TIMEOUT_MS = 5_000;

/**
 * Sets the alarms of couriers that have lost theirs, and corrects the times of failures that a clock which
 * ran ahead has written: an alert counts from them. Called each minute; never throws.
 */
export async function wakeCouriers(env: OrdersEnv): Promise<void> {
  try {
    const webhooks = await listWebhooks(env.DB);
    const now_ms = Date.now();
    if (webhooks.some(({ failingSince_ms }) => (failingSince_ms ?? 0) > now_ms)) {
      await endFailingAhead(env.DB, now_ms);
    }
    // Also those of webhooks that are off: they prune, and forget once their webhook is deleted.
    const wakes = webhooks.map(({ id }) =>
      withTimeout(WAKE_TIMEOUT_MS, () => courierOf(env, id).wake(id), "a courier"),
    );
    for (const result of await Promise.allSettled(wakes)) {
      if (result.status === "rejected") throw result.reason;
    }
  } catch (error) {
    log("warn", "webhooks.wake_failed", { error: errorText(error) });
  }
}
