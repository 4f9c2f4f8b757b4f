import * as v from "valibot";
import { SentOrderIdSchema } from "../src/contract/order-id.ts";
import { SkuSchema } from "../src/contract/sku.ts";
import { ChangesQuery } from "../src/orders/http/changes.ts";
import { CustomerIdSchema } from "../src/orders/http/customer-id.ts";
import { ItemsExport, OrdersExport } from "../src/orders/http/exports.ts";
import { SinceSchema } from "../src/orders/http/feed.ts";
import { StatusSchema } from "../src/orders/http/find-order.ts";
import { IdempotencyKeySchema } from "../src/orders/http/idempotency-key.ts";
import { CatalogueQuery } from "../src/orders/http/items.ts";
import { ItemsQuery } from "../src/orders/http/operator-items.ts";
import { OrdersQuery } from "../src/orders/http/operators.ts";
import { pageQuery } from "../src/orders/http/pagination.ts";
import { PaymentStateSchema } from "../src/orders/http/payments.ts";
import { MAX_WAIT_SECONDS } from "../src/orders/http/prefer.ts";
import { DeliveriesQuery } from "../src/orders/http/webhook-body.ts";
import * as examples from "./examples.ts";

/** Parameters and headers that operations share, by their names in the contract. */

export interface Parameter {
  in: "path" | "query" | "header";
  name: string;
  schema: v.GenericSchema;
  /** The side of a transform that clients see: `output` for a number that is sent as text. */
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
    description: "The item's SKU.",
    example: examples.SKU,
  },
  OrderId: {
    in: "path",
    name: "id",
    schema: SentOrderIdSchema,
    description:
      "The order's id, in upper or lower case. Text that cannot be an order id causes 404.",
    example: examples.ORDER_ID,
  },
  CustomerId: {
    in: "path",
    name: "id",
    schema: CustomerIdSchema,
    description: "The customer's id, percent-encoded.",
    example: examples.pendingOrder.customerId,
  },
  Reference: {
    in: "path",
    name: "reference",
    schema: v.string(),
    description: "The payment's reference, percent-encoded.",
    example: examples.payment.reference,
  },
  PaymentState: {
    in: "query",
    name: "state",
    schema: PaymentStateSchema,
    description: "Return only payments in this state.",
    example: "unmatched",
  },
  PaidOrder: {
    in: "query",
    name: "orderId",
    schema: v.optional(v.string()),
    description:
      "Return only payments that were reported for this order, or that pay it as a successor.",
    example: examples.ORDER_ID,
  },
  After: {
    in: "query",
    name: "after",
    schema: v.optional(v.string()),
    description: "`nextCursor` of the previous page. Without it: the oldest change that is kept.",
    example: examples.CHANGE_CURSOR,
  },
  ChangeLimit: {
    in: "query",
    name: "limit",
    schema: ChangesQuery.entries.limit,
    side: "output",
    description: "Changes per page, at most.",
    example: 100,
  },
  WebhookId: {
    in: "path",
    name: "id",
    schema: v.string(),
    description: "The webhook's id.",
    example: examples.webhook.id,
  },
  EventId: {
    in: "path",
    name: "eventId",
    schema: v.string(),
    description: "The event's id.",
    example: examples.delivery.id,
  },
  DeliveryState: {
    in: "query",
    name: "state",
    schema: DeliveriesQuery.entries.state,
    description: "Return only events in this state.",
    example: "parked",
  },
  ItemSearch: {
    in: "query",
    name: "q",
    schema: ItemsQuery.entries.q,
    description: "Part of the SKU or the name. ASCII letters match in any case.",
    example: "ticket",
  },
  ItemStatus: {
    in: "query",
    name: "status",
    schema: ItemsQuery.entries.status,
    description: "Return only items with this status.",
    example: "draft",
  },
  ItemSort: {
    in: "query",
    name: "sort",
    schema: ItemsQuery.entries.sort,
    description: "By SKU, or by the start of the sale; items that were always on sale come first.",
    example: "saleStartsAt",
  },
  OnSale: {
    in: "query",
    name: "onSale",
    schema: ItemsQuery.entries.onSale,
    description:
      "Return only listed items whose own sale is on now, the last begun first, on one page. The other filters do not count.",
    example: "true",
  },
  IfMatch: {
    in: "header",
    name: "If-Match",
    schema: v.string(),
    description:
      "Write only if the item has one of these `ETag`s, of which only the revision before the dot counts; `*`: if there is such an item. Else 412.",
    example: examples.ITEM_ETAG,
  },
  IfAbsent: {
    in: "header",
    name: "If-None-Match",
    schema: v.literal("*"),
    description: "`*`: write only if there is no such item. Else 412.",
    example: "*",
  },
  IfNoneMatch: {
    in: "header",
    name: "If-None-Match",
    schema: v.string(),
    description: "Respond with 304 if the item still has this `ETag`.",
    example: examples.ITEM_ETAG,
  },
  StripeSignature: {
    in: "header",
    name: "Stripe-Signature",
    schema: v.string(),
    description: "Stripe's signature of the body, at most 300 s old.",
    example: `t=1796148252,v1=${"0".repeat(64)}`,
  },
  DeadLetterId: {
    in: "path",
    name: "id",
    schema: v.string(),
    description: "The dead letter's id.",
    example: examples.deadLetter.id,
  },
  Limit: {
    in: "query",
    name: "limit",
    schema: pageQuery.limit,
    side: "output",
    description: "The greatest number of entries on the page.",
    example: 20,
  },
  Skus: {
    in: "query",
    name: "sku",
    schema: CatalogueQuery.entries.sku,
    side: "input",
    description:
      "SKUs, separated by commas, at most 50: the response has only these, in one page. Those that buyers see nothing of are left out. Cannot be combined with `limit` or `cursor`.",
    example: examples.SKU,
  },
  Cursor: {
    in: "query",
    name: "cursor",
    schema: pageQuery.cursor,
    description:
      "`nextCursor` of the previous page. It is opaque and valid for the same list only.",
    example: "VElDS0VULU5JR0hURkFMTA",
  },
  Status: {
    in: "query",
    name: "status",
    schema: StatusSchema,
    description: "Return only orders with this status.",
    example: "confirmed",
  },
  OrderSearch: {
    in: "query",
    name: "q",
    schema: OrdersQuery.entries.q,
    description:
      "What somebody has typed: an order id, or the end of one (at least 4 hexadecimal digits, with or without hyphens); a customer's id; or part of the SKU or the name of a line. ASCII letters match in any case.",
    example: examples.ORDER_ID.slice(-6),
  },
  OfCustomer: {
    in: "query",
    name: "customerId",
    schema: OrdersQuery.entries.customerId,
    description: "Return only orders of this customer.",
    example: examples.pendingOrder.customerId,
  },
  WithSku: {
    in: "query",
    name: "sku",
    schema: OrdersQuery.entries.sku,
    description: "Return only orders with a line of this item.",
    example: examples.SKU,
  },
  PlacedFrom: {
    in: "query",
    name: "placedFrom",
    schema: OrdersQuery.entries.placedFrom,
    description:
      "Return only orders placed at this time (RFC 3339) or later. In a query, write the `+` of an offset as `%2B`.",
    example: "2026-12-01T00:00:00Z",
  },
  PlacedTo: {
    in: "query",
    name: "placedTo",
    schema: OrdersQuery.entries.placedTo,
    description: "Return only orders placed before this time (RFC 3339).",
    example: "2026-12-02T00:00:00Z",
  },
  ExportFrom: {
    in: "query",
    name: "from",
    schema: OrdersExport.from,
    isRequired: true,
    description: "The beginning of the time (RFC 3339).",
    example: "2026-12-01T00:00:00Z",
  },
  ExportTo: {
    in: "query",
    name: "to",
    schema: OrdersExport.to,
    isRequired: true,
    description: "The end of the time (RFC 3339), which is not in it. Later than `from`.",
    example: "2026-12-02T00:00:00Z",
  },
  ExportAfter: {
    in: "query",
    name: "after",
    schema: OrdersExport.after,
    description:
      "Go on after the order with this id: that of the `next` line, or of the last order of which you have everything.",
    example: examples.ORDER_ID,
  },
  ExportAfterSku: {
    in: "query",
    name: "after",
    schema: ItemsExport.after,
    description: "Go on after the item with this SKU.",
    example: examples.SKU,
  },
  Accept: {
    in: "header",
    name: "Accept",
    schema: v.string(),
    description:
      "The format: `text/csv` (default) or `application/x-ndjson`. Any other causes 406.",
    example: "application/x-ndjson",
  },
  Since: {
    in: "query",
    name: "since",
    schema: SinceSchema,
    description:
      "A time (RFC 3339). The snapshot also has the orders updated since 60 s before this time. In a query, write the `+` of an offset as `%2B`.",
    example: "2026-12-01T18:00:00Z",
  },
  Prefer: {
    in: "header",
    name: "Prefer",
    schema: v.string(),
    description: `\`wait=N\`: respond with the outcome if there is one within N seconds (at most ${MAX_WAIT_SECONDS}). \`respond-async\` (default): respond at once. Malformed preferences are ignored (RFC 7240).`,
    example: "wait=5",
  },
  Traceparent: {
    in: "header",
    name: "traceparent",
    schema: v.string(),
    description:
      "W3C Trace Context. Its trace id becomes the order's, by which the logs name every step of the order. One that is not valid is ignored, and an order without one gets a trace id of its own.",
    example: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
  },
  IdempotencyKey: {
    ...IdempotencyKey,
    description:
      "Makes a repeat safe. 1 to 255 characters of visible ASCII (0x21 to 0x7E), bare or as a quoted string, sent once. The key belongs to the caller's `sub` and is kept for at least 24 hours.",
  },
  RequiredIdempotencyKey: {
    ...IdempotencyKey,
    isRequired: true,
    description:
      "Identifies the request, so that a repeat does not apply it twice. 1 to 255 characters of visible ASCII (0x21 to 0x7E), bare or as a quoted string, sent once.",
  },
  Subprotocol: {
    in: "header",
    name: "Sec-WebSocket-Protocol",
    schema: v.string(),
    description:
      "`lockstock.v1` and, from browsers, which cannot set headers, `bearer.<ticket>` (or `bearer.<token>`).",
    example: "lockstock.v1, bearer.<ticket>",
  },
} as const satisfies Record<string, Parameter>;

export type ParameterName = keyof typeof PARAMETERS;

export const HEADERS = {
  "X-Request-Id": [
    "Identifies the request in the service's logs. An id that you send is kept.",
    "0e9c6a52-7d43",
  ],
  Location: ["The path of the order.", `/v1/orders/${examples.ORDER_ID}`],
  "Preference-Applied": ["The preference that was applied (RFC 7240).", "wait=5"],
  "Idempotency-Replayed": [
    "`true`: an earlier request with this key placed the order, or got the same response.",
    "true",
  ],
  Vary: ["The response depends on this header.", "Prefer"],
  "Retry-After": ["Seconds to wait before you repeat the request.", "2"],
  Allow: ["The methods that the path has.", "GET, HEAD, PUT"],
  "WWW-Authenticate": ["The authentication scheme.", "Bearer"],
  Upgrade: ["The protocol that is required.", "websocket"],
  ETag: [
    "Send this value as `If-None-Match` to check for changes, or as `If-Match` to write only what you have read.",
    examples.ITEM_ETAG,
  ],
  "Cache-Control": ["Whether and how the response may be stored.", "no-store"],
  "Cloudflare-CDN-Cache-Control": [
    "How long the platform's cache keeps the response.",
    "max-age=1, stale-while-revalidate=1, stale-if-error=10",
  ],
  "Accept-Encoding": [
    "Present only when the body's `Content-Encoding` caused the error.",
    "identity",
  ],
  "Sec-WebSocket-Protocol": ["The subprotocol, if the client offered it.", "lockstock.v1"],
} as const satisfies Record<string, readonly [description: string, example: string]>;

export type HeaderName = keyof typeof HEADERS;
