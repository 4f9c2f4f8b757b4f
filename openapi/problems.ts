import * as v from "valibot";
import { LevelSchema, ShortageSchema } from "../src/contract/stock-events.ts";
import { PROBLEMS, type ProblemCode } from "../src/orders/http/problem.ts";
import * as examples from "./examples.ts";
import { SCHEMAS } from "./schemas.ts";

/** Each problem code: what it means, what to do, and what its body has beside the common members. */

export interface ProblemDoc {
  means: string;
  /** What a client does about it. */
  remedy: string;
  members?: v.ObjectEntries;
  /** Detail and further members of the example. */
  example?: { detail?: string } & Record<string, unknown>;
}

const { Order } = SCHEMAS;
const time = v.nullable(v.pipe(v.string(), v.isoTimestamp()));
const refusal = { order: v.exactOptional(Order), shortages: v.array(ShortageSchema) };

export const PROBLEM_DOCS: Record<ProblemCode, ProblemDoc> = {
  invalid_request: {
    means: "A parameter, a header or the body is not as described. `errors` says where and why.",
    remedy:
      "Correct what `errors` names. `path` is a JSON pointer into the body, or a parameter's or header's name.",
    members: { errors: v.array(v.object({ path: v.string(), message: v.string() })) },
    example: {
      detail: "/lines/0/quantity: must be at least 1",
      errors: [{ path: "/lines/0/quantity", message: "must be at least 1" }],
    },
  },
  idempotency_key_required: {
    means: "This call changes stock and is not safe to repeat without an `Idempotency-Key`.",
    remedy:
      "Send a key of 1 to 255 visible ASCII characters, a new one for each change that is meant.",
  },
  unauthenticated: {
    means:
      "The bearer token is missing, malformed, signed by somebody else, for another issuer or audience, run out, not valid yet, or has no usable `sub` or `exp`.",
    remedy: "Get a new token; `WWW-Authenticate` names the scheme.",
    example: { detail: "The token is not valid." },
  },
  forbidden: {
    means:
      "The token is valid, but its `scope` holds neither what this call needs nor `operator`. `detail` names the scope.",
    remedy: "Use a token with that scope.",
    example: { detail: "The scope orders:pay is required." },
  },
  not_found: {
    means:
      "The path leads nowhere, or what it names does not exist or is another customer's: the two are not told apart.",
    remedy: "Check the id. Repeating does not help.",
    example: { detail: "There is no such order." },
  },
  method_not_allowed: {
    means: "The path exists, but not with this method. Any path may answer so.",
    remedy: "Use one of the methods in `Allow`.",
  },
  out_of_stock: {
    means:
      "At least one line could not be filled. With `order`: the order was placed, decided and is cancelled. Without: it was refused at the door, nothing was kept, and a key that came with it is still free.",
    remedy: "Order what `shortages` says is available, with a new key.",
    members: refusal,
    example: { order: examples.refusedOrder, shortages: examples.shortages },
  },
  limit_exceeded: {
    means: "With this order the customer would have more units of an item than its limit allows.",
    remedy: "Order less, with a new key. Units of a cancelled order count no longer.",
    members: { order: Order, shortages: v.array(ShortageSchema) },
    example: {
      order: {
        ...examples.refusedOrder,
        reason: "limit_exceeded",
        shortages: [{ ...examples.shortages[0], available: 3, reason: "limit_exceeded" }],
      },
      shortages: [{ ...examples.shortages[0], available: 3, reason: "limit_exceeded" }],
    },
  },
  sale_not_open: {
    means: "The sale of an item has not started, or is over. Nothing was kept.",
    remedy: "Order between `saleStartsAt` and `saleEndsAt` (null: no bound).",
    members: { saleStartsAt: time, saleEndsAt: time },
    example: { saleStartsAt: "2026-12-01T18:00:00.000Z", saleEndsAt: null },
  },
  not_cancellable: {
    means: "The order is paid.",
    remedy: "Read `order`: it is as it stands.",
    members: { order: Order },
    example: { order: examples.paidOrder },
  },
  not_payable: {
    means: "The order is not confirmed: still pending, or cancelled.",
    remedy: "Read `order`: a pending one may be paid once it is confirmed.",
    members: { order: Order },
    example: { order: examples.cancelledOrder },
  },
  insufficient_available: {
    means: "A negative `delta` may not go below 0. Nothing changed.",
    remedy:
      "Read `level`. Units that are held or sold cannot be taken away. The refusal belongs to its key: try again with a new one.",
    members: { level: LevelSchema },
    example: { level: examples.level },
  },
  payload_too_large: {
    means: "The body has more than 64 KB.",
    remedy: "Send less.",
    example: { detail: "A body may have at most 65536 bytes." },
  },
  unsupported_media_type: {
    means:
      "The body's `Content-Type` is not `application/json`, or it has a `Content-Encoding` other than `identity`; then `Accept-Encoding` says so.",
    remedy: "Send JSON, not compressed, and say that it is JSON.",
    example: { detail: "Content-Type must be application/json." },
  },
  unknown_item: {
    means: "The order names an item that is not in the catalogue. Nothing was kept.",
    remedy: "Read `GET /v1/items`.",
    example: { detail: "No such item: TICKET-DAYBREAK." },
  },
  idempotency_key_reused: {
    means: "The key belongs to an earlier request that asked for something else.",
    remedy: "Use a new key for a new wish; repeat the very same request with the old one.",
    example: { detail: "The key belongs to another order." },
  },
  upgrade_required: {
    means: "The token is good, but the request asks for no WebSocket.",
    remedy: "Connect as a WebSocket.",
  },
  rate_limited: {
    means: "Too many requests from one caller. Reserved: no call answers so at present.",
    remedy: "Repeat after `Retry-After` seconds.",
  },
  internal: {
    means: "A fault on our side. A placed order may or may not exist.",
    remedy: "Repeat with the same key; tell us the `requestId` if it stays.",
  },
  unavailable: {
    means:
      "The service is overloaded, or a part of it cannot be reached. After `POST /v1/orders` it does not say that the order was not placed.",
    remedy: "Repeat after `Retry-After` seconds, with the same key.",
    example: { detail: "The order may or may not have been placed. Repeat it with the same key." },
  },
};

export const CODES = Object.keys(PROBLEMS) as ProblemCode[];

const REQUEST_ID = "0e9c6a52-7d43-4b1e-8f6a-5c2d90b7e314";

/** Closed in `code`, `type`, `title` and `status`, so that each code is one variant of an answer. */
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
