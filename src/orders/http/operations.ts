import { Hono } from "hono";
import * as v from "valibot";
import { OrderIdSchema } from "../../contract/order-id.ts";
import { SkuSchema } from "../../contract/sku.ts";
import { viewOf } from "../order.ts";
import { askAgain, comparePage, type Cursor } from "../operations/compare.ts";
import { listAllOrders, readOperations } from "../operations/operations.sql.ts";
import { policyOf } from "../policy.ts";
import { watchDue } from "../reconcile/watch.ts";
import type { AppEnv } from "./app.ts";
import { needs } from "./auth.ts";
import { orderOf, StatusSchema } from "./orders.ts";
import { cursorFor, pageQuery, placeOf } from "./pages.ts";
import { Problem } from "./problem.ts";
import { askStock } from "./stock.ts";
import { optionalBody, query } from "./validate.ts";

const start = v.literal("");
const afterOrder = v.union([start, OrderIdSchema]);
/** Checked to the letter: reading the locks of a SKU that is none would make a stock object. */
const CursorSchema = v.pipe(
  v.string(),
  v.parseJson(),
  v.variant("phase", [
    v.strictObject({ phase: v.literal("orders"), after: afterOrder }),
    v.strictObject({
      phase: v.literal("locks"),
      sku: v.union([start, SkuSchema]),
      after: afterOrder,
    }),
  ]),
);

/** Body of `POST /v1/operations/reconcile`. */
export const ReconcileSchema = v.strictObject({
  repair: v.optional(v.boolean(), false),
  cursor: v.nullish(v.pipe(v.string(), v.maxLength(1_000))),
});

/** What asking again can mend. A lock that is gone cannot be committed: that would be a breach. */
const MENDABLE = new Set(["unreleased", "wrong_lock"]);

const START: Cursor = { phase: "orders", after: "" };

export const operations = new Hono<AppEnv>()
  .get("/", needs("operations:read"), async (c) =>
    c.json(await readOperations(c.env.DB, Date.now())),
  )
  .get(
    "/orders",
    needs("operations:read"),
    query(v.object({ ...pageQuery, status: StatusSchema })),
    async (c) => {
      const { limit, cursor, status = null } = c.req.valid("query");
      const before = placeOf(cursor, OrderIdSchema);
      const { orders, next } = await listAllOrders(c.env.DB, { status, before, limit });
      return c.json({
        orders: orders.map(viewOf),
        nextCursor: next === null ? null : cursorFor(next),
      });
    },
  )
  .get("/orders/:id/history", needs("operations:read"), async (c) => {
    const order = await orderOf(c.env.DB, c.req.param("id"));
    if (!order) throw new Problem("not_found", { detail: "There is no such order." });
    const transitions = order.history.map(({ revision, status, reason, at_ms }) => {
      return { revision, status, reason, at: new Date(at_ms).toISOString() };
    });
    return c.json({ transitions });
  })
  .post("/reconcile", needs("operations:write"), optionalBody(ReconcileSchema), async (c) => {
    const { repair, cursor } = c.req.valid("json");
    const from = placeOf(cursor ?? undefined, CursorSchema) ?? START;
    const { orderRetention_ms } = policyOf(c.env);
    const { differences, next } = await askStock(() =>
      comparePage(from, {
        db: c.env.DB,
        stock: c.env.STOCK,
        prunedBefore_ms: orderRetention_ms === 0 ? 0 : Date.now() - orderRetention_ms,
        pause: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
      }),
    );
    if (repair && differences.length > 0) {
      const now_ms = Date.now();
      const ids = differences.flatMap(({ kind, orderId }) => (MENDABLE.has(kind) ? [orderId] : []));
      await askAgain(c.env.DB, ids, now_ms);
      await watchDue(c.env, now_ms);
    }
    return c.json({
      differences,
      nextCursor: next === null ? null : cursorFor(JSON.stringify(next)),
    });
  });
