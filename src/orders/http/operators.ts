import { Hono } from "hono";
import * as v from "valibot";
import { OrderIdSchema } from "../../contract/order-id.ts";
import { SkuSchema } from "../../contract/sku.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { withFence } from "../database/fenced.ts";
import { alertsOf } from "../operators/alerts.ts";
import { comparePage, type CompareCursor } from "../operators/compare.ts";
import { readDashboard } from "../operators/dashboard.sql.ts";
import { searchOrders } from "../operators/order-search.sql.ts";
import { repair } from "../operators/repair.ts";
import { readTroubles } from "../operators/troubles.sql.ts";
import { historyView, traceOf, viewOf } from "../order/order.ts";
import { reconcilerOf } from "../order/schedule-reconcile.ts";
import type { AppEnv } from "./app-env.ts";
import { callStock } from "./ask-stock.ts";
import { requireScopes } from "./auth.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { findOrder, orderNotFound, StatusSchema } from "./find-order.ts";
import { encodeCursor, pageQuery, decodeCursor } from "./pagination.ts";
import { frozenView } from "./recovery.ts";
import { TimeSchema } from "./timestamp.ts";
import { turnstileErrorFor } from "./turnstile-settings.ts";
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

const InstantSchema = v.optional(v.pipe(TimeSchema, v.transform(Date.parse)));

/** Query of `GET /v1/operations/orders`. Strict: a filter that is misspelt would find too much. */
export const OrdersQuery = v.strictObject({
  ...pageQuery,
  status: StatusSchema,
  customerId: v.optional(CustomerIdSchema),
  sku: v.optional(SkuSchema),
  placedFrom: InstantSchema,
  placedTo: InstantSchema,
  q: v.optional(v.pipe(v.string(), v.minLength(1), v.maxLength(255))),
});

/** Body of `POST /v1/operations/reconcile`. */
export const ReconcileSchema = v.strictObject({
  repair: v.optional(v.boolean(), false),
  cursor: v.nullish(v.pipe(v.string(), v.maxLength(1_000))),
});

/** A reconciler that takes longer is an alert of its own. */
const HEALTH_TIMEOUT_MS = 2_000;

const FIRST_PAGE: CompareCursor = { phase: "orders", after: "" };

export const operatorRoutes = new Hono<AppEnv>()
  .get("/", requireScopes("operations:read"), async (c) => {
    const now_ms = Date.now();
    const turnstileError = turnstileErrorFor(c.env, c.req.url);
    const [dashboard, troubles, health] = await Promise.all([
      readDashboard(c.env.DB, now_ms),
      readTroubles(c.env.DB),
      withTimeout(HEALTH_TIMEOUT_MS, () => reconcilerOf(c.env).health()).catch(() => null),
    ]);
    const frozen = health?.frozen ? frozenView(health.frozen) : null;
    const alerts = alertsOf(dashboard, troubles, health, now_ms, turnstileError);
    return c.json({ ...dashboard, frozen, alerts });
  })
  .get("/orders", requireScopes("operations:read"), query(OrdersQuery), async (c) => {
    const { limit, cursor, q, status, customerId, sku, ...placed } = c.req.valid("query");
    const { orders, next, searchedTo_ms } = await searchOrders(c.env.DB, {
      status: status ?? null,
      customerId: customerId ?? null,
      sku: sku ?? null,
      q: q ?? null,
      placedFrom_ms: placed.placedFrom ?? null,
      placedTo_ms: placed.placedTo ?? null,
      before: decodeCursor(cursor, OrderIdSchema),
      limit,
    });
    return c.json({
      orders: orders.map(viewOf),
      nextCursor: encodeCursor(next),
      searchedTo: searchedTo_ms === null ? null : new Date(searchedTo_ms).toISOString(),
    });
  })
  .get("/orders/:id/history", requireScopes("operations:read"), async (c) => {
    const order = await findOrder(c.env.DB, c.req.param("id"));
    if (!order) throw orderNotFound;
    return c.json({ traceId: traceOf(order), transitions: order.history.map(historyView) });
  })
  .post(
    "/reconcile",
    requireScopes("operations:write"),
    optionalBody(ReconcileSchema),
    async (c) => {
      const { repair: isRepair, cursor } = c.req.valid("json");
      const from = decodeCursor(cursor ?? undefined, CursorSchema) ?? FIRST_PAGE;
      const { orderRetention_ms } = policyOf(c.env);
      const { differences, next } = await callStock(() =>
        comparePage(from, {
          db: c.env.DB,
          stock: c.env.STOCK,
          prunedBefore_ms: orderRetention_ms === 0 ? 0 : Date.now() - orderRetention_ms,
          pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
          now: Date.now,
        }),
      );
      const shown = isRepair ? await repair(withFence(c.env, 0), differences) : differences;
      const nextCursor = encodeCursor(next && JSON.stringify(next));
      return c.json({ differences: shown, nextCursor });
    },
  );
