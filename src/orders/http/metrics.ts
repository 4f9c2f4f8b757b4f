import { Hono } from "hono";
import { withTimeout } from "../../runtime/timeout.ts";
import { VERSION } from "../../runtime/version.ts";
import { alertsOf } from "../operators/alerts.ts";
import { readDashboard } from "../operators/dashboard.sql.ts";
import { type Backlog, METRICS_TYPE, metricsText } from "../operators/metrics.ts";
import { readTroubles } from "../operators/troubles.sql.ts";
import { readSums } from "../order/minutes.sql.ts";
import { reconcilerOf } from "../order/schedule-reconcile.ts";
import type { AppEnv } from "./app-env.ts";
import { requireScopes } from "./auth.ts";
import { turnstileErrorFor } from "./turnstile-settings.ts";

/** A queue or a reconciler that takes longer is left out; a scrape waits 10 s by default. */
const TIMEOUT_MS = 2_000;

export const metrics = new Hono<AppEnv>().get("/", requireScopes("operations:read"), async (c) => {
  const now_ms = Date.now();
  const turnstileError = turnstileErrorFor(c.env, c.req.url);
  const { DB: db, ...env } = c.env;
  const [dashboard, sums, troubles, health, ...backlogs] = await Promise.all([
    readDashboard(db, now_ms),
    readSums(db),
    readTroubles(db),
    withTimeout(TIMEOUT_MS, () => reconcilerOf(c.env).health()).catch(() => null),
    backlogOf(env.ORDER_EVENTS_QUEUE, env.ORDER_EVENTS),
    backlogOf(env.STOCK_EVENTS_QUEUE, env.STOCK_EVENTS),
  ]);
  const text = metricsText({
    dashboard,
    sums,
    troubles,
    alerts: alertsOf(dashboard, troubles, health, now_ms, turnstileError),
    backlogs: backlogs.filter((one) => one !== null),
    version: VERSION,
    now_ms,
  });
  return c.body(text, 200, { "Content-Type": METRICS_TYPE });
});

async function backlogOf(queue: string, binding: Queue): Promise<Backlog | null> {
  try {
    const { backlogCount, backlogBytes } = await withTimeout(TIMEOUT_MS, () => binding.metrics());
    return { queue, messages: backlogCount, bytes: backlogBytes };
  } catch {
    return null;
  }
}
