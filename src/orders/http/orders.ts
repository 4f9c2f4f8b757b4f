import { type Context, Hono } from "hono";
import * as v from "valibot";
import { newOrderId, OrderIdSchema } from "../../contract/order-id.ts";
import type { Shortage } from "../../contract/stock-events.ts";
import { traceIdIn } from "../../contract/trace.ts";
import { changeOrder } from "../change/change-order.ts";
import { extendOrder } from "../change/extend-order.ts";
import { FrozenError } from "../database/fenced.ts";
import { unfinishedOrders } from "../order/order-queries.sql.ts";
import { readOrder, readPage } from "../order/order-reads.ts";
import { type Order, type OrderView, viewOf } from "../order/order.ts";
import { awaitOutcome, readWithWaiters } from "../place/await-outcome.ts";
import { placeOrder } from "../place/place-order.ts";
import type { Placement, AdmissionRefusal } from "../place/placement.sql.ts";
import type { AppEnv } from "./app-env.ts";
import { requireToken, requireCustomerOrScopes, requireScopes } from "./auth.ts";
import { background, leaderOf } from "./background.ts";
import { concurrencyLimit } from "./concurrency-limit.ts";
import { findOrder, orderIdIn, orderNotFound, StatusSchema } from "./find-order.ts";
import { IdempotencyKeySchema } from "./idempotency-key.ts";
import { ExtensionSchema, OrderSchema } from "./order-body.ts";
import { decodeCursor, encodeCursor, pageQuery } from "./pagination.ts";
import { applyPreference } from "./prefer.ts";
import { invalid, Problem } from "./problem.ts";
import { orderLimit, readLimit } from "./rate-limit.ts";
import { actorOf, isService, assertScope, type Scope } from "./scopes.ts";
import { markSpan } from "./span.ts";
import { body, headers, query } from "./validation.ts";

/** Orders that one isolate places at a time; a desk queues as many. */
const MAX_PLACING = 2_000;
/** Longer than placing can take: 15 s for the body, 35 s for the desk, 20 s for a direct commit. */
const PLACING_LEASE_MS = 75_000;
const placementLimit = concurrencyLimit(MAX_PLACING, PLACING_LEASE_MS);

/** Query of `GET /v1/orders`. */
const OrdersQuery = v.strictObject({ ...pageQuery, status: StatusSchema });

export const orders = new Hono<AppEnv>()
  .use(async (c, next) => {
    c.header("Vary", "Prefer");
    await next();
  })
  .post(
    "/",
    placementLimit.rejectWhenFull,
    requireCustomerOrScopes("orders:create"),
    orderLimit,
    placementLimit.holdSlot,
    headers(v.object({ "idempotency-key": v.optional(IdempotencyKeySchema) })),
    body(OrderSchema),
    async (c) => {
      const caller = c.get("caller");
      const { customerId, ...order } = c.req.valid("json");
      if (customerId !== undefined || order.amountDue !== undefined) {
        assertScope(caller, "orders:create");
      }
      const traceId = traceIdIn(c.req.header("traceparent"));
      const candidate = {
        id: newOrderId(Date.now()),
        customerId: customerId ?? caller.sub,
        key: c.req.valid("header")["idempotency-key"] ?? null,
        ...(customerId !== undefined && { keyOwner: caller.sub }),
        actor: actorOf(caller),
        ...(traceId !== null && { traceId }),
        ...order,
      };
      const { wait_ms } = applyPreference(c);
      const placement = await placeOrder(c.env, candidate, { wait_ms, background: background(c) });
      if ("order" in placement) markSpan(c, placement.order);
      return placementResponse(c, placement, wait_ms);
    },
  )
  .get("/", requireToken, readLimit, query(OrdersQuery), async (c) => {
    const { limit, cursor, status = null } = c.req.valid("query");
    const { sub: customerId } = c.get("caller");
    const before = decodeCursor(cursor, OrderIdSchema);
    const page = await readPage(leaderOf(c), { customerId, status, before, limit });
    return c.json({ orders: page.orders.map(viewOf), nextCursor: encodeCursor(page.next) });
  })
  .get("/:id", requireToken, readLimit, async (c) => {
    const { wait_ms } = applyPreference(c);
    const start_ms = Date.now();
    const reader = leaderOf(c);
    const read = wait_ms > 0 ? readWithWaiters : readOrder;
    const order = await ownOrder(c, c.req.param("id"), "orders:read", (id) => read(reader, id));
    const left_ms = wait_ms - (Date.now() - start_ms);
    return c.json(viewOf(left_ms > 0 ? await awaitOutcome(reader, order, left_ms) : order));
  })
  .post("/:id/cancel", requireToken, orderLimit, async (c) => {
    const text = c.req.param("id");
    const change = { id: text.toLowerCase(), actor: actorOf(c.get("caller")) };
    const own = ownOrder(c, text, "orders:cancel");
    const order = await changeOrder(c.env, "cancel", change, background(c), own);
    if (!order) throw orderNotFound;
    if (order.status === "cancelled") return c.json(viewOf(order));
    throw new Problem("not_cancellable", { extra: { order: viewOf(order) } });
  })
  .post("/:id/extend", requireScopes("orders:pay"), body(ExtensionSchema), async (c) => {
    const found = await findOrder(c.env.DB, c.req.param("id"));
    if (!found) throw orderNotFound;
    markSpan(c, found);
    const by_ms = c.req.valid("json").seconds * 1000;
    const extension = { id: found.id, by_ms, actor: actorOf(c.get("caller")) };
    const { order, isExtended } = await extendOrder(c.env, extension, background(c));
    if (isExtended) return c.json(viewOf(order));
    throw new Problem("not_extendable", { extra: { order: viewOf(order) } });
  })
  .post("/:id/pay", requireScopes("orders:pay"), async (c) => {
    const change = { id: orderIdIn(c.req.param("id")), actor: actorOf(c.get("caller")) };
    const order = await changeOrder(c.env, "pay", change, background(c));
    if (!order) throw orderNotFound;
    markSpan(c, order);
    if (order.status === "paid") return c.json(viewOf(order));
    throw new Problem("not_payable", { extra: { order: viewOf(order) } });
  });

/**
 * Returns the caller's own order, or any order if the caller has the scope. Without the scope, the
 * response does not reveal whether the order exists: a customer always gets 404, a service 403.
 */
async function ownOrder(
  c: Context<AppEnv>,
  id: string,
  scope: Scope,
  read?: (id: string) => Promise<Order | null>,
): Promise<Order> {
  const caller = c.get("caller");
  const order = await findOrder(c.env.DB, id, read);
  if (order && (order.customerId === caller.sub || caller.scopes.has(scope))) {
    markSpan(c, order);
    return order;
  }
  if (isService(caller)) assertScope(caller, scope);
  throw orderNotFound;
}

async function placementResponse(c: Context<AppEnv>, placement: Placement, wait_ms: number) {
  switch (placement.type) {
    case "placed":
      return wait_ms > 0
        ? outcomeResponse(c, placement.order)
        : orderResponse(c, placement.order, 202);
    case "replayed": {
      c.header("Idempotency-Replayed", "true");
      const { order } = placement;
      if (wait_ms > 0) return outcomeResponse(c, await awaitOutcome(leaderOf(c), order, wait_ms));
      return orderResponse(c, order, order.status === "pending" ? 202 : 200);
    }
    case "key_reused":
      throw new Problem("idempotency_key_reused", { detail: "The key belongs to another order." });
    case "refused":
      throw refusalProblem(placement.refusal);
    case "failed":
      if (placement.why === "frozen") throw new FrozenError();
      throw new Problem("unavailable", {
        detail: "The order may or may not have been placed. Repeat it with the same key.",
      });
    case "busy":
      throw new Problem("unavailable", { detail: "Too many orders at once. Repeat it shortly." });
  }
}

/** The response to a caller that waited for the outcome. */
async function outcomeResponse(c: Context<AppEnv>, order: Order) {
  const { status, reason } = order;
  if (status === "pending") return orderResponse(c, order, 202);
  if (status === "confirmed") return orderResponse(c, order, 201);
  if (reason !== "out_of_stock" && reason !== "limit_exceeded" && reason !== "paused") {
    return orderResponse(c, order, 200);
  }
  const shortages = order.shortages ?? [];
  throw new Problem(reason, {
    headers: { Location: `/v1/orders/${order.id}` },
    extra: {
      order: viewOf(order),
      shortages,
      ...(reason === "limit_exceeded" && {
        unfinishedOrders: await unfinishedWithin(c, order.customerId, shortages),
      }),
    },
  });
}

/** The customer's own orders that count towards the exceeded limits, and that can still end. */
async function unfinishedWithin(
  c: Context<AppEnv>,
  customerId: string,
  shortages: readonly Shortage[],
): Promise<OrderView[]> {
  const skus = shortages.flatMap(({ sku, reason }) => (reason === "limit_exceeded" ? [sku] : []));
  return (await unfinishedOrders(c.env.DB, customerId, skus)).map(viewOf);
}

function orderResponse(c: Context<AppEnv>, order: Order, status: 200 | 201 | 202) {
  c.header("Location", `/v1/orders/${order.id}`);
  return c.json(viewOf(order), status);
}

function refusalProblem(refusal: AdmissionRefusal): Problem {
  switch (refusal.code) {
    case "unknown_item":
      return new Problem("unknown_item", { detail: `No such item: ${refusal.skus.join(", ")}.` });
    case "mixed_currencies":
      return invalid([{ path: "/lines", message: "an order's items must have one currency" }]);
    case "price_changed":
      return new Problem("price_changed", { extra: { total: refusal.total } });
    case "sale_not_open": {
      const { saleStartsAt, saleEndsAt } = refusal;
      return new Problem("sale_not_open", { extra: { saleStartsAt, saleEndsAt } });
    }
    case "out_of_stock": {
      const { shortages } = refusal;
      const isPaused = shortages.some(({ reason }) => reason === "paused");
      return new Problem(isPaused ? "paused" : "out_of_stock", { extra: { shortages } });
    }
  }
}
