import { findOrder, noSuchOrder, StatusSchema } from "./find-order.ts";
import { listOrders } from "../order/order-queries.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { type Context, Hono } from "hono";
import * as v from "valibot";
import { MAX_LINES, MAX_QUANTITY } from "../../contract/limits.ts";
import { newOrderId, OrderIdSchema } from "../../contract/order-id.ts";
import { QuantitySchema, SkuSchema } from "../../contract/sku.ts";
import { type Order, viewOf } from "../order/order.ts";
import { changeOrder } from "../change/change-order.ts";
import { awaitOutcome } from "../place/await-outcome.ts";
import type { Placement, Refusal } from "../place/placement.sql.ts";
import { placeOrder } from "../place/place-order.ts";
import { requireToken, requireCustomerOrScopes, requireScopes } from "./auth.ts";
import { concurrencyLimit } from "./concurrency-limit.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { IdempotencyKeySchema } from "./idempotency-key.ts";
import { paginate, pageQuery, decodeCursor } from "./pagination.ts";
import { type Preference, preferenceOf } from "./prefer.ts";
import { invalid, Problem } from "./problem.ts";
import { orderLimit } from "./rate-limit.ts";
import { isService, assertScope, type Scope } from "./scopes.ts";
import { body, headers, query } from "./validation.ts";

/** Orders that one isolate places at a time: as many as wait at a desk. */
const MAX_PLACING = 2_000;
/** Above what placing can take: 15 s for the body, 35 s for the desk, 20 s for a direct commit. */
const PLACING_LEASE_MS = 75_000;
const placing = concurrencyLimit(MAX_PLACING, PLACING_LEASE_MS);

const LinesSchema = v.pipe(
  v.array(v.strictObject({ sku: SkuSchema, quantity: QuantitySchema })),
  v.minLength(1, "must have at least 1 line"),
  v.maxLength(MAX_LINES, `must have at most ${MAX_LINES} lines`),
  v.transform(merged),
  v.everyItem(
    ({ quantity }) => quantity <= MAX_QUANTITY,
    `must ask for at most ${MAX_QUANTITY} units of one SKU in all`,
  ),
);

/** Body of `POST /v1/orders`. */
export const OrderSchema = v.strictObject({
  lines: LinesSchema,
  customerId: v.exactOptional(CustomerIdSchema),
});

/** Lines for the same SKU become one, in the place of the first. */
function merged(lines: { sku: string; quantity: number }[]) {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku].map(([sku, quantity]) => ({ sku, quantity }));
}

export const orders = new Hono<AppEnv>()
  .use(async (c, next) => {
    c.header("Vary", "Prefer");
    await next();
  })
  .post(
    "/",
    placing.refuse,
    requireCustomerOrScopes("orders:create"),
    orderLimit,
    placing.hold,
    headers(v.object({ "idempotency-key": v.optional(IdempotencyKeySchema) })),
    body(OrderSchema),
    async (c) => {
      const caller = c.get("caller");
      const { lines, customerId } = c.req.valid("json");
      if (customerId !== undefined) assertScope(caller, "orders:create");
      const candidate = {
        id: newOrderId(Date.now()),
        customerId: customerId ?? caller.sub,
        key: c.req.valid("header")["idempotency-key"] ?? null,
        ...(customerId !== undefined && { keyOwner: caller.sub }),
        lines,
      };
      const { wait_ms } = prefer(c);
      const placement = await placeOrder(c.env, candidate, { wait_ms, background: background(c) });
      return answer(c, placement, wait_ms);
    },
  )
  .get("/", requireToken, query(v.object({ ...pageQuery, status: StatusSchema })), async (c) => {
    const { limit, cursor, status = null } = c.req.valid("query");
    const { sub: customerId } = c.get("caller");
    const before = decodeCursor(cursor, OrderIdSchema);
    const found = await listOrders(c.env.DB, { customerId, status, before, limit: limit + 1 });
    const { shown, nextCursor } = paginate(found, limit, ({ id }) => id);
    return c.json({ orders: shown.map(viewOf), nextCursor });
  })
  .get("/:id", requireToken, async (c) => {
    const { wait_ms } = prefer(c);
    const order = await ownOrder(c, c.req.param("id"), "orders:read");
    return c.json(viewOf(wait_ms > 0 ? await awaitOutcome(c.env.DB, order, wait_ms) : order));
  })
  .post("/:id/cancel", requireToken, orderLimit, async (c) => {
    const { id } = await ownOrder(c, c.req.param("id"), "orders:cancel");
    const order = await changeOrder(c.env, "cancel", id, background(c));
    if (order.status === "cancelled") return c.json(viewOf(order));
    throw new Problem("not_cancellable", { extra: { order: viewOf(order) } });
  })
  .post("/:id/pay", requireScopes("orders:pay"), async (c) => {
    const found = await findOrder(c.env.DB, c.req.param("id"));
    if (!found) throw noSuchOrder;
    const order = await changeOrder(c.env, "pay", found.id, background(c));
    if (order.status === "paid") return c.json(viewOf(order));
    throw new Problem("not_payable", { extra: { order: viewOf(order) } });
  });

const background = (c: Context<AppEnv>) => (work: Promise<unknown>) =>
  c.executionCtx.waitUntil(work);

/** Reads `Prefer`, and says in the answer, whatever it becomes, what was made of it. */
function prefer(c: Context<AppEnv>): Preference {
  const preference = preferenceOf(c.req.header("Prefer"));
  if (preference.applied !== null) c.header("Preference-Applied", preference.applied);
  return preference;
}

/**
 * The caller's own order, or anybody's with the scope. Without it another's order is answered like
 * one that does not exist: 404 to a customer, 403 with the name of the scope to a service.
 */
async function ownOrder(c: Context<AppEnv>, id: string, scope: Scope): Promise<Order> {
  const caller = c.get("caller");
  const order = await findOrder(c.env.DB, id);
  if (order && (order.customerId === caller.sub || caller.scopes.has(scope))) return order;
  if (isService(caller)) assertScope(caller, scope);
  throw noSuchOrder;
}

async function answer(c: Context<AppEnv>, placement: Placement, wait_ms: number) {
  switch (placement.type) {
    case "placed":
      return wait_ms > 0 ? outcome(c, placement.order) : located(c, placement.order, 202);
    case "replayed": {
      c.header("Idempotency-Replayed", "true");
      const { order } = placement;
      if (wait_ms > 0) return outcome(c, await awaitOutcome(c.env.DB, order, wait_ms));
      return located(c, order, order.status === "pending" ? 202 : 200);
    }
    case "key_reused":
      throw new Problem("idempotency_key_reused", { detail: "The key belongs to another order." });
    case "refused":
      throw refusalProblem(placement.refusal);
    case "failed":
      throw new Problem("unavailable", {
        detail: "The order may or may not have been placed. Repeat it with the same key.",
      });
    case "busy":
      throw new Problem("unavailable", { detail: "Too many orders at once. Repeat it shortly." });
  }
}

/** The answer to a caller who waited. */
function outcome(c: Context<AppEnv>, order: Order) {
  const { status, reason } = order;
  if (status === "pending") return located(c, order, 202);
  if (status === "confirmed") return located(c, order, 201);
  if (reason !== "out_of_stock" && reason !== "limit_exceeded") return located(c, order, 200);
  throw new Problem(reason, {
    headers: { Location: `/v1/orders/${order.id}` },
    extra: { order: viewOf(order), shortages: order.shortages ?? [] },
  });
}

function located(c: Context<AppEnv>, order: Order, status: 200 | 201 | 202) {
  c.header("Location", `/v1/orders/${order.id}`);
  return c.json(viewOf(order), status);
}

function refusalProblem(refusal: Refusal): Problem {
  switch (refusal.code) {
    case "unknown_item":
      return new Problem("unknown_item", { detail: `No such item: ${refusal.skus.join(", ")}.` });
    case "mixed_currencies":
      return invalid([{ path: "/lines", message: "an order's items must have one currency" }]);
    case "sale_not_open": {
      const { saleStartsAt, saleEndsAt } = refusal;
      return new Problem("sale_not_open", { extra: { saleStartsAt, saleEndsAt } });
    }
    case "out_of_stock":
      return new Problem("out_of_stock", { extra: { shortages: refusal.shortages } });
  }
}
