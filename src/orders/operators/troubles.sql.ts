import { selectPutBack } from "../items/put-back.sql.ts";
import { listWebhooks } from "../webhooks/webhooks.sql.ts";
import type { Troubles } from "./alerts.ts";

/** Bounds the cost of a count; operators need no exact figure above it. */
const MAX_COUNT = 10_000;

/** What the database knows of what is wrong. By partial indexes: it reads no table. */
export async function readTroubles(db: D1Database): Promise<Troubles> {
  const [[unmatched, letters, putBack, stuck], webhooks] = await Promise.all([
    db.batch<{ n: number; since: number | null; sku?: string | null }>([
      db.prepare(
        `SELECT count(*) AS n, min(updated_at) AS since FROM (SELECT updated_at FROM payments
           WHERE state = 'unmatched' ORDER BY id LIMIT ${MAX_COUNT})`,
      ),
      db.prepare("SELECT min(at) AS since FROM dead_letters"),
      selectPutBack(db),
      db.prepare(
        `SELECT count(*) AS n, min(breached_at) AS since FROM (SELECT breached_at FROM orders
           INDEXED BY orders_breached WHERE breached_at > 0 LIMIT ${MAX_COUNT})`,
      ),
    ]),
    listWebhooks(db),
  ]);
  const money = unmatched?.results[0];
  const back = putBack?.results[0];
  const breached = stuck?.results[0];
  return {
    unmatched: { count: money?.n ?? 0, since_ms: money?.since ?? null },
    putBack: { count: back?.n ?? 0, since_ms: back?.since ?? null, sku: back?.sku ?? null },
    stuck: { count: breached?.n ?? 0, since_ms: breached?.since ?? null },
    oldestLetter_ms: letters?.results[0]?.since ?? null,
    webhooks: webhooks
      .filter(({ why }) => why !== "operator")
      .map(({ url, state, offSince_ms, failingSince_ms, nearLimitSince_ms }) => ({
        url,
        isOff: state === "off",
        since_ms: state === "off" ? offSince_ms : failingSince_ms,
        nearLimitSince_ms,
      })),
  };
}
