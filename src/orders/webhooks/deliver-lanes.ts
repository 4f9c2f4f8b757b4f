import pMap from "p-map";
import { log } from "../../runtime/log.ts";
import type { CourierStore, StoredEvent } from "./courier-store.ts";
import { postEvent } from "./post-event.ts";
import { type Attempt, MAX_PARKED, secretsAt, verdictOf, type Webhook } from "./webhook.ts";

/** Connections that an invocation may have open at once (Workers limits). */
const CONCURRENCY = 6;

/** What ended the delivery early. */
export interface Delivered {
  /** The attempt after which the endpoint has to pause; null: none. */
  failed: Attempt | null;
  /** The endpoint wants no more events (410). */
  isGone: boolean;
}

/**
 * Posts the events of each lane in sequence, until `end_ms` or until `isStale`, and stores what came of
 * each. `store` is asked for anew after each post: the courier may have been told to forget meanwhile.
 */
export async function deliverLanes(
  webhook: Webhook,
  lanes: readonly StoredEvent[][],
  store: () => CourierStore,
  { end_ms, isStale }: { end_ms: number; isStale: () => boolean },
): Promise<Delivered> {
  let failed: Attempt | null = null;
  let isGone = false;
  const deliverLane = async (lane: StoredEvent[]): Promise<void> => {
    for (const { seq, id, subject, body } of lane) {
      if (failed || isGone || isStale() || Date.now() > end_ms) return;
      const now_ms = Date.now();
      const posting = { url: webhook.url, id, body, secrets: secretsAt(webhook, now_ms) };
      const attempt = await postEvent(posting, now_ms);
      const verdict = verdictOf(attempt.status);
      store().record(seq, attempt, verdict === "delivered", now_ms);
      if (verdict === "delivered") continue;
      log("warn", "webhook.post_failed", { webhookId: webhook.id, id, status: attempt.status });
      if (verdict === "gone") isGone = true;
      else if (verdict === "park" && store().parkedSubjects() < MAX_PARKED) {
        store().move(subject, "parked");
      } else failed = attempt;
      return;
    }
  };
  await pMap(lanes, deliverLane, { concurrency: CONCURRENCY });
  return { failed, isGone };
}
