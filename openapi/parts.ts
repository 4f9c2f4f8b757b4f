import { StatusSchema } from "../src/orders/http/find-order.ts";
import * as v from "valibot";
import { SentOrderIdSchema } from "../src/contract/order-id.ts";
import { SkuSchema } from "../src/contract/sku.ts";
import { SinceSchema } from "../src/orders/http/feed.ts";
import { IdempotencyKeySchema } from "../src/orders/http/idempotency-key.ts";
import { pageQuery } from "../src/orders/http/pagination.ts";
import { MAX_WAIT_SECONDS } from "../src/orders/http/prefer.ts";
import * as examples from "./examples.ts";

/** Parameters and headers that operations share, by their name in the contract. */

export interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  schema: v.GenericSchema;
  /** Which side of a transform a client sees; `output` where the text stands for a number. */
  side?: "input" | "output";
  isRequired?: boolean;
  description: string;
  example: string | number;
}

const IdempotencyKey: Omit<Parameter, "description"> = {
  in: "header",
  name: "Idempotency-Key",
  schema: IdempotencyKeySchema,
  example: examples.KEY,
};

export const PARAMETERS = {
  Sku: {
    in: "path",
    name: "sku",
    schema: SkuSchema,
    description: "The item.",
    example: examples.SKU,
  },
  OrderId: {
    in: "path",
    name: "id",
    schema: SentOrderIdSchema,
    description: "The order, in either case of letters. What cannot be an order id answers 404.",
    example: examples.ORDER_ID,
  },
  DeadLetterId: {
    in: "path",
    name: "id",
    schema: v.string(),
    description: "The dead letter.",
    example: examples.deadLetter.id,
  },
  Limit: {
    in: "query",
    name: "limit",
    schema: pageQuery.limit,
    side: "output",
    description: "How many entries the page has at most.",
    example: 20,
  },
  Cursor: {
    in: "query",
    name: "cursor",
    schema: pageQuery.cursor,
    description: "`nextCursor` of the page before. Opaque, and good for the same list only.",
    example: "VElDS0VULU5JR0hURkFMTA",
  },
  Status: {
    in: "query",
    name: "status",
    schema: StatusSchema,
    description: "Only orders with this status.",
    example: "confirmed",
  },
  Since: {
    in: "query",
    name: "since",
    schema: SinceSchema,
    description:
      "A time (RFC 3339): the snapshot also has orders updated since then, or up to 60 s before it. The `+` of an offset is `%2B` in a query.",
    example: "2026-12-01T18:00:00Z",
  },
  Prefer: {
    in: "header",
    name: "Prefer",
    schema: v.string(),
    description: `\`wait=N\`: answer with the outcome if it comes within N seconds (${MAX_WAIT_SECONDS} at most). \`respond-async\`, the default: at once. What is malformed is ignored (RFC 7240).`,
    example: "wait=5",
  },
  IdempotencyKey: {
    ...IdempotencyKey,
    description:
      "Makes a repeat safe. 1 to 255 characters of visible ASCII (0x21 to 0x7E), bare or as a quoted string, sent once; it belongs to the caller's `sub`; kept for at least 24 hours.",
  },
  RequiredIdempotencyKey: {
    ...IdempotencyKey,
    isRequired: true,
    description:
      "Names the change, so that a repeat does not change twice. 1 to 255 characters of visible ASCII (0x21 to 0x7E), bare or as a quoted string, sent once.",
  },
  Subprotocol: {
    in: "header",
    name: "Sec-WebSocket-Protocol",
    schema: v.string(),
    description: "`lockstock.v1`, and for a browser, which cannot set headers, `bearer.<token>`.",
    example: "lockstock.v1, bearer.<token>",
  },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof PARAMETERS;

export const HEADERS = {
  "X-Request-Id": ["Names the request in our logs; one that you send is kept.", "0e9c6a52-7d43"],
  Location: ["The path of the order.", `/v1/orders/${examples.ORDER_ID}`],
  "Preference-Applied": ["What was made of `Prefer` (RFC 7240).", "wait=5"],
  "Idempotency-Replayed": [
    "`true`: an earlier request with this key placed the order, or got this very answer.",
    "true",
  ],
  Vary: ["The answer depends on this header.", "Prefer"],
  "Retry-After": ["Seconds to wait before the request is repeated.", "2"],
  Allow: ["The methods that the path has.", "GET, HEAD, PUT"],
  "WWW-Authenticate": ["The scheme to authenticate by.", "Bearer"],
  Upgrade: ["The protocol that is required.", "websocket"],
  ETag: ["Send it as `If-None-Match` to hear whether anything changed.", '"0c74fa5d4cc4023c"'],
  "Accept-Encoding": ["There only when the body's `Content-Encoding` was at fault.", "identity"],
  "Sec-WebSocket-Protocol": ["The subprotocol, if it was asked for.", "lockstock.v1"],
} as const satisfies Record<string, readonly [description: string, example: string]>;

export type HeaderName = keyof typeof HEADERS;
