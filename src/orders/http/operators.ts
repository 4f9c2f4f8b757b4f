import { Hono } from "hono";
import * as v from "valibot";
import { OrderIdSchema } from "../../contract/order-id.ts";
import { SkuSchema } from "../../contract/sku.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { alertsOf } from "../operators/alerts.ts";
import { comparePage, type CompareCursor } from "../operators/compare.ts";
import { readDashboard } from "../operators/dashboard.sql.ts";
import { readTroubles } from "../operators/troubles.sql.ts";
import { listAllOrders } from "../order/order-queries.sql.ts";
import { historyView, viewOf } from "../order/order.ts";
import { requeueCommands } from "../order/orders.sql.ts";
import { reconcilerOf, scheduleReconcile } from "../order/schedule-reconcile.ts";
import type { AppEnv } from "./app-env.ts";
import { callStock } from "./ask-stock.ts";
import { requireScopes } from "./auth.ts";
import { findOrder, orderNotFound, StatusSchema } from "./find-order.ts";
import { encodeCursor, pageQuery, decodeCursor } from "./pagination.ts";
import { optionalBody, query } from "./validation.ts";

const beginning = v.literal("");
const afterOrder = v.union([beginning, OrderIdSchema]);
/** Strict, because reading the locks of an invalid SKU would create a stock object for it. */
const CursorSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.variant("phase", [
    v.strictObject({ phase: v.literal("orders"), after: afterOrder }),
    v.strictObject({
      phase: v.literal("locks"),
      sku: v.union([beginning, SkuSchema]),
      after: afterOrder,
    }),
  ]),
);

/** Body of `POST /v1/operations/reconcile`. */
export const ReconcileSchema = v.strictObject({
  repair: v.optional(v.boolean(), false),
  cursor: v.nullish(v.pipe(v.string(), v.maxLength(1_000))),
});

/** Kinds that repeating the command repairs. Committing a missing lock would be a breach. */
const REPAIRABLE = new Set(["unreleased", "wrong_lock"]);

/** A reconciler that takes longer is an alert of its own. */
const HEALTH_TIMEOUT_MS = 2_000;

const FIRST_PAGE: CompareCursor = { phase: "orders", after: "" };

export const operatorRoutes = new Hono<AppEnv>()
  .get("/", requireScopes("operations:read"), async (c) => {
    const now_ms = Date.now();
    const [dashboard, troubles, health] = await Promise.all([
      readDashboard(c.env.DB, now_ms),
      readTroubles(c.env.DB),
      withTimeout(HEALTH_TIMEOUT_MS, () => reconcilerOf(c.env).health()).catch(() => null),
    ]);
    return c.json({ ...dashboard, alerts: alertsOf(dashboard, troubles, health, now_ms) });
  })
  .get(
    "/orders",
    requireScopes("operations:read"),
    query(v.object({ ...pageQuery, status: StatusSchema })),
    async (c) => {
      const { limit, cursor, status = null } = c.req.valid("query");
      const before = decodeCursor(cursor, OrderIdSchema);
      const { orders, next } = await listAllOrders(c.env.DB, { status, before, limit });
      return c.json({ orders: orders.map(viewOf), nextCursor: encodeCursor(next) });
    },
  )
  .get("/orders/:id/history", requireScopes("operations:read"), async (c) => {
    const order = await findOrder(c.env.DB, c.req.param("id"));
    if (!order) throw orderNotFound;
    return c.json({ transitions: order.history.map(historyView) });
  })
  .post(
    "/reconcile",
    requireScopes("operations:write"),
    optionalBody(ReconcileSchema),
    async (c) => {
      const { repair, cursor } = c.req.valid("json");
      const from = decodeCursor(cursor ?? undefined, CursorSchema) ?? FIRST_PAGE;
      const { orderRetention_ms } = policyOf(c.env);
      const { differences, next } = await callStock(() =>
        comparePage(from, {
          db: c.env.DB,
          stock: c.env.STOCK,
          prunedBefore_ms: orderRetention_ms === 0 ? 0 : Date.now() - orderRetention_ms,
          pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        }),
      );
      if (repair && differences.length > 0) {
        const now_ms = Date.now();
        const ids = differences.flatMap(({ kind, orderId }) =>
          REPAIRABLE.has(kind) ? [orderId] : [],
        );
        await requeueCommands(c.env.DB, ids, now_ms);
        await scheduleReconcile(c.env, now_ms);
      }
      return c.json({ differences, nextCursor: encodeCursor(next && JSON.stringify(next)) });
    },
  );
