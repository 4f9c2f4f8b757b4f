import { Hono } from "hono";
import { requestId } from "hono/request-id";
import { TrieRouter } from "hono/router/trie-router";
import { errorText, log } from "../../runtime/log.ts";
import { VERSION } from "../../runtime/version.ts";
import { isTransient, withTimeLimits } from "../database/d1.ts";
import { FrozenError } from "../database/fenced.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";
import { docs } from "./api-docs.ts";
import type { AppEnv } from "./app-env.ts";
import { background } from "./background.ts";
import { bulkItems } from "./bulk-items.ts";
import { bulkStock } from "./bulk-stock.ts";
import { challenge } from "./challenge.ts";
import { changes } from "./changes.ts";
import { config } from "./config.ts";
import { customers } from "./customers.ts";
import { deadLetters } from "./dead-letters.ts";
import { exports } from "./exports.ts";
import { feed } from "./feed.ts";
import { guests } from "./guests.ts";
import { items } from "./items.ts";
import { metrics } from "./metrics.ts";
import { operatorItems } from "./operator-items.ts";
import { operatorRoutes } from "./operators.ts";
import { orders } from "./orders.ts";
import { payments } from "./payments.ts";
import { Problem, problemResponse } from "./problem.ts";
import { recovery } from "./recovery.ts";
import { returns } from "./returns.ts";
import { crossOrigin, securityHeaders } from "./security.ts";
import { stock } from "./stock.ts";
import { stripe } from "./stripe.ts";
import { webhooks } from "./webhooks.ts";

export const app = new Hono<AppEnv>()
  .use(requestId())
  .use(async (c, next) => {
    c.env = withTimeLimits(c.env);
    await next();
  })
  .use(securityHeaders)
  .use(crossOrigin)
  .get("/healthz", (c) => c.json({ status: "ok", version: VERSION }))
  .route("/metrics", metrics)
  .route("/", docs)
  .route("/", challenge)
  .route("/v1/config", config)
  .route("/v1/guests", guests)
  .route("/v1/items/bulk", bulkItems)
  .route("/v1/items", items)
  .route("/v1/items", stock)
  .route("/v1/stock", bulkStock)
  .route("/v1/orders", orders)
  .route("/v1/orders", returns)
  .route("/v1/payments/stripe", stripe)
  .route("/v1/payments", payments)
  .route("/v1/customers", customers)
  .route("/v1/changes", changes)
  .route("/v1/webhooks", webhooks)
  .route("/v1/feed", feed)
  .route("/v1/operations", operatorRoutes)
  .route("/v1/operations", recovery)
  .route("/v1/operations", exports)
  .route("/v1/operations/items", operatorItems)
  .route("/v1/dead-letters", deadLetters);

/** For Hono's typed client. */
export type App = typeof app;

const frozen = new Problem("frozen", {
  detail:
    "The service is frozen while its database is restored. Nothing was changed; repeat it later.",
  headers: { "Retry-After": "30" },
});

app.onError((error, c) => {
  if (error instanceof Problem) return problemResponse(c, error);
  if (error instanceof FrozenError) {
    // Of a database that was put back the reconciler may not know yet.
    background(c)(scheduleReconcile(c.env, Date.now()));
    return problemResponse(c, frozen);
  }
  const { method, path } = c.req;
  const fields = { requestId: c.get("requestId"), method, path, error: errorText(error) };
  if (!isTransient(error)) {
    log("error", "request.failed", fields);
    return problemResponse(c, new Problem("internal"));
  }
  log("warn", "request.unavailable", fields);
  // The call may have taken effect all the same: D1 can commit and lose its response.
  const detail = "A part of the service is busy or cannot be reached. Repeat the call shortly.";
  return problemResponse(c, new Problem("unavailable", { detail }));
});

app.notFound((c) => {
  const allowed = allowedMethods.match("ALL", c.req.path)[0].flatMap(([method]) => method);
  if (allowed.length === 0) return problemResponse(c, new Problem("not_found"));
  const methods = new Set(allowed.flatMap((m) => (m === "GET" ? ["GET", "HEAD"] : [m])));
  const headers = { Allow: [...methods].join(", ") };
  return problemResponse(c, new Problem("method_not_allowed", { headers }));
});

/** The methods of each path, for 405: Hono answers 404 when a known path lacks the method. */
const allowedMethods = new TrieRouter<string>();
for (const { method, path } of app.routes) {
  if (method !== "ALL") allowedMethods.add("ALL", path, method);
}
