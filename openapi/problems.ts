import * as v from "valibot";
import { OrderIdSchema } from "../src/contract/order-id.ts";
import { LevelSchema, ShortageSchema } from "../src/contract/stock-events.ts";
import { PROBLEMS, type ProblemCode } from "../src/orders/http/problem.ts";
import * as examples from "./examples.ts";
import { SCHEMAS } from "./schemas.ts";

/** Each problem code: its meaning, its remedy, and the members that its body has in addition. */

export interface ProblemDoc {
  means: string;
  /** What the client should do. */
  remedy: string;
  members?: v.ObjectEntries;
  /** `detail` and the additional members of the example. */
  example?: { detail?: string } & Record<string, unknown>;
}

const { Order, Money, Payment, ItemDetails } = SCHEMAS;
const time = v.nullable(v.pipe(v.string(), v.isoTimestamp()));
const refusal = { order: v.exactOptional(Order), shortages: v.array(ShortageSchema) };

export const PROBLEM_DOCS: Record<ProblemCode, ProblemDoc> = {
  invalid_request: {
    means: "A parameter, a header or the body is not valid. `errors` says where and why.",
    remedy:
      "Correct the fields that `errors` lists. `path` is a JSON pointer into the body, or the name of a parameter or header.",
    members: { errors: v.array(v.object({ path: v.string(), message: v.string() })) },
    example: {
      detail: "/lines/0/quantity: must be at least 1",
      errors: [{ path: "/lines/0/quantity", message: "must be at least 1" }],
    },
  },
  idempotency_key_required: {
    means:
      "The call adjusts stock or records a return, and cannot be repeated safely without an `Idempotency-Key`.",
    remedy: "Send a key of 1 to 255 visible ASCII characters, and a new key for each request.",
  },
  unauthenticated: {
    means:
      "The bearer token is missing, malformed, expired or not valid yet, has a wrong signature, issuer or audience, or has no usable `sub` or `exp`.",
    remedy: "Get a new token. `WWW-Authenticate` names the scheme.",
    example: { detail: "The token is not valid." },
  },
  forbidden: {
    means:
      "The token is valid, but its `scope` has neither a scope that this call accepts nor `operator`. `detail` names the scope.",
    remedy: "Use a token with that scope.",
    example: { detail: "The scope orders:pay is required." },
  },
  challenge_failed: {
    means:
      "The deployment checks new guests, and the token of the check is not good: the check was not passed, it is older than five minutes, the token was used before, or it was made for another page. No guest was made.",
    remedy: "Pass the check again, and repeat the call with the new token.",
    example: {
      detail: "The check was not passed, or is too old, or was used before. Pass it again.",
    },
  },
  not_found: {
    means:
      "The path does not exist, or the resource does not exist or belongs to another customer. The response does not say which.",
    remedy: "Check the path and the id. Repeating the call does not help.",
    example: { detail: "There is no such order." },
  },
  method_not_allowed: {
    means: "The path exists, but does not have this method. This can happen on any path.",
    remedy: "Use one of the methods in `Allow`.",
  },
  not_acceptable: {
    means: "`Accept` names no type that the response can have.",
    remedy: "Accept one of the types that `detail` names.",
    example: { detail: "There is text/csv and application/x-ndjson." },
  },
  out_of_stock: {
    means:
      "The stock is not sufficient for at least one line. With `order`: the order was placed and then cancelled. Without `order`: the order was refused at admission, nothing was stored, and its key may be used again.",
    remedy: "Order the quantities that `shortages` gives as available, with a new key.",
    members: refusal,
    example: { order: examples.refusedOrder, shortages: examples.shortages },
  },
  limit_exceeded: {
    means:
      "With this order the customer would have more units of an item than the item's limit allows.",
    remedy:
      "Order fewer units, with a new key. Units of cancelled orders and returned units do not count: `unfinishedOrders` has the customer's orders that count and can still be cancelled, at most 20.",
    members: {
      order: Order,
      shortages: v.array(ShortageSchema),
      unfinishedOrders: v.array(Order),
    },
    example: {
      unfinishedOrders: [examples.confirmedOrder],
      order: {
        ...examples.refusedOrder,
        reason: "limit_exceeded",
        shortages: [{ ...examples.shortages[0], available: 3, reason: "limit_exceeded" }],
      },
      shortages: [{ ...examples.shortages[0], available: 3, reason: "limit_exceeded" }],
    },
  },
  paused: {
    means:
      "The shop has paused an item of the order, for a while or for good. With `order`: the order was placed and then cancelled. Without `order`: it was refused at admission, nothing was stored, and its key may be used again.",
    remedy:
      "Order again when the item is no longer `paused`, with a new key if there is an `order`; or order the other lines.",
    members: refusal,
    example: { shortages: [{ ...examples.shortages[0], reason: "paused" }] },
  },
  sale_not_open: {
    means: "The sale of an item has not started or is over. Nothing was stored.",
    remedy: "Order between `saleStartsAt` and `saleEndsAt` (null: no limit).",
    members: { saleStartsAt: time, saleEndsAt: time },
    example: { saleStartsAt: "2026-12-01T18:00:00.000Z", saleEndsAt: null },
  },
  price_changed: {
    means: "The total differs from the `expect` of the request. Nothing was stored.",
    remedy: "Show the buyer `total`, and order again if that is accepted.",
    members: { total: Money },
    example: { total: { amount: 14_800, currency: "EUR" } },
  },
  not_cancellable: {
    means: "The order is paid already.",
    remedy: "Read `order`, the current order.",
    members: { order: Order },
    example: { order: examples.paidOrder },
  },
  not_payable: {
    means: "The order is not confirmed: it is still pending, or cancelled.",
    remedy: "Read `order`, the current order. A pending order can be paid once it is confirmed.",
    members: { order: Order },
    example: { order: examples.cancelledOrder },
  },
  not_extendable: {
    means:
      "The order is not confirmed with a payment window, or its window was extended three times already.",
    remedy: "Read `order`, the current order.",
    members: { order: Order },
    example: { order: examples.paidOrder },
  },
  not_returnable: {
    means: "The order is not paid, or has 100 returns already.",
    remedy: "Read `order`, the current order. An unpaid order is cancelled instead.",
    members: { order: Order },
    example: { order: examples.cancelledOrder },
  },
  return_exceeds_sold: {
    means: "A line names more units than the order has that are sold and not returned yet.",
    remedy: "Read `order`: each line has its `quantity` and what was `returned`.",
    members: { order: Order },
    example: { order: examples.paidOrder },
  },
  not_refundable: {
    means: "The payment is not unmatched: it is applied to its order, or waits for it.",
    remedy: "Return the order's units instead, or cancel the pending order first.",
    members: { payment: Payment },
    example: { payment: examples.payment },
  },
  too_many_webhooks: {
    means: "The shop has as many webhooks as it may have.",
    remedy: "Delete one, or let one endpoint pass events on.",
    example: { detail: "A shop has at most 20 webhooks." },
  },
  unfinished_orders: {
    means: "The customer has orders that are pending, confirmed or not settled.",
    remedy: "Cancel them, or wait until they have ended, and repeat.",
  },
  changes_reset: {
    means:
      "The changes after this cursor are no longer kept, or the database was restored to an earlier time.",
    remedy:
      "Start again without `after`, and read your open orders once with `GET /v1/orders/{id}`: what happened in between may be missing.",
  },
  stock_changed: {
    means: "`available + held` is not what the count expects. Nothing was changed.",
    remedy:
      "Read `level`. If the difference is a sale or a delivery that your count knows of, count again with the new `expected` and a new key.",
    members: { level: LevelSchema },
    example: { level: examples.level },
  },
  precondition_failed: {
    means: "`If-Match` or `If-None-Match` does not hold: somebody else has changed the resource.",
    remedy:
      "Apply your change to `item`, the item as it is now, and repeat with its `ETag`. Without `item` there is no such item.",
    members: { item: v.exactOptional(ItemDetails) },
    example: { item: examples.itemDetails },
  },
  insufficient_available: {
    means:
      "The negative `delta` would remove more units than are available, or a count has fewer units than orders hold. Nothing was changed.",
    remedy:
      "Read `level`. Units that are held or sold cannot be removed. If units are missing, cancel some of the orders in `affected`, which hold them, and count again. A repeat with the same key gets the same response, so use a new key.",
    members: { level: LevelSchema, affected: v.exactOptional(v.array(OrderIdSchema)) },
    example: { level: examples.level },
  },
  not_frozen: {
    means: "Only a frozen service is recovered: nothing may change meanwhile.",
    remedy:
      "If the database was put back, freeze the service first (`POST /v1/operations/freeze`).",
  },
  recovery_needed: {
    means:
      "The database was put back to an earlier state, and what it has lost was not rebuilt. Orders that were paid would expire.",
    remedy:
      "Call `POST /v1/operations/recover` with `apply` to its end. With `force` it thaws all the same.",
  },
  recovery_waits: {
    means: "Calls or messages from before the freeze are still under way.",
    remedy: "Repeat after `Retry-After` seconds.",
    example: { detail: "Calls that began before the freeze have ended in 12 s." },
  },
  recovery_reset: {
    means: "Another run of recovery has begun since, or the database was put back once more.",
    remedy: "Begin again without a cursor.",
  },
  not_an_orphan: {
    means:
      "There is an order with this id, the item has no lock of it, or the item keeps too little of it.",
    remedy: "Compare orders with their stock again.",
  },
  payload_too_large: {
    means:
      "The body is larger than 64 KB; 256 KB for Stripe's events, 1 MB for calls with many lines.",
    remedy: "Send a smaller body.",
    example: { detail: "A body may have at most 65536 bytes." },
  },
  unsupported_media_type: {
    means:
      "The body's `Content-Type` is not `application/json` (a patch may be `application/merge-patch+json`), or its `Content-Encoding` is not `identity`. In the second case the response has `Accept-Encoding`.",
    remedy: "Send uncompressed JSON with `Content-Type: application/json`.",
    example: { detail: "Content-Type must be application/json." },
  },
  unknown_item: {
    means: "The order names an item that is not in the catalogue. Nothing was stored.",
    remedy: "Check the SKUs with `GET /v1/items`.",
    example: { detail: "No such item: TICKET-DAYBREAK." },
  },
  idempotency_key_reused: {
    means:
      "The key, or the payment's reference, belongs to an earlier request with other contents. For a payment, `payment` has those.",
    remedy: "Use a new key for a new request. Repeat only the identical request with the same key.",
    members: { payment: v.exactOptional(Payment) },
    example: { detail: "The key belongs to another order." },
  },
  upgrade_required: {
    means: "The token is valid, but the request is not a WebSocket upgrade.",
    remedy: "Connect with a WebSocket client.",
  },
  rate_limited: {
    means:
      "One caller has sent too many requests. `POST /v1/guests`, calls by which a customer changes or reads orders, and the feed can return this code. So can the catalogue, when too many different pages of it are asked for at once by all callers together.",
    remedy: "Repeat after `Retry-After` seconds.",
  },
  internal: {
    means:
      "The service has an internal error. The call may have taken effect: an order may have been placed.",
    remedy: "Repeat with the same key. If the error persists, report the `requestId`.",
  },
  frozen: {
    means:
      "The service is frozen: its database is being restored, or an operator has frozen it. Nothing was changed.",
    remedy: "Repeat the call with the same key after the seconds in `Retry-After`.",
  },
  unavailable: {
    means:
      "The service is overloaded, or a part of it cannot be reached. The call may have taken effect: after `POST /v1/orders` the order may have been placed.",
    remedy: "Repeat after `Retry-After` seconds, with the same key.",
    example: { detail: "The order may or may not have been placed. Repeat it with the same key." },
  },
};

export const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const REQUEST_ID = "0e9c6a52-7d43-4b1e-8f6a-5c2d90b7e314";

/** `code`, `type`, `title` and `status` are literals, so that each code is a separate variant. */
export function problemSchema(code: ProblemCode): v.GenericSchema {
  const [status, title] = PROBLEMS[code];
  return v.object({
    type: v.literal(`/docs#${code}`),
    title: v.literal(title),
    status: v.literal(status),
    detail: v.string(),
    code: v.literal(code),
    requestId: v.string(),
    ...PROBLEM_DOCS[code].members,
  });
}

export function problemExample(code: ProblemCode): Record<string, unknown> {
  const [status, title] = PROBLEMS[code];
  const { detail = `${title}.`, ...members } = PROBLEM_DOCS[code].example ?? {};
  const type = `/docs#${code}`;
  return { type, title, status, detail, code, requestId: REQUEST_ID, ...members };
}

/** `out_of_stock` → `OutOfStockProblem`. */
export const problemName = (code: ProblemCode): string =>
  `${code.replace(/(^|_)([a-z])/g, (_, __, letter: string) => letter.toUpperCase())}Problem`;
