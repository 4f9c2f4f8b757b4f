import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const PATH = "/v1/orders";

export const orderOperations: Operation[] = [
  {
    id: "placeOrder",
    method: "post",
    path: PATH,
    tag: "Orders",
    summary: "Place an order",
    description: `Stores the order and locks its stock: every line or none. The order keeps the names, prices and limits of this moment. All items must have the same currency, and their sales must be open.

See [waiting for the outcome](#waiting-for-the-outcome) and [repeating safely](#repeating-safely).`,
    caller: "customer",
    scopes: ["orders:create"],
    parameters: ["IdempotencyKey", "Prefer", "Traceparent"],
    body: body(
      "NewOrder",
      examples.newOrder,
      "`lines`: lines of the same SKU are merged, and the merged quantity is at most 1000 too. `customerId`, from services only: the customer who owns the order; without it the caller owns the order. `amountDue`, from services only: what a payment has to equal.",
    ),
    answers: [
      json(
        201,
        "With `Prefer: wait=N`: the order is confirmed, and every line is locked.",
        "Order",
        ["Confirmed in time", examples.confirmedOrder],
      ),
      json(202, "The order is accepted and durable, but not decided yet.", "Order", [
        "Accepted",
        examples.pendingOrder,
      ]),
      json(
        200,
        "The current order of an earlier request with this key; or, with `Prefer: wait=N`, an order that ended in another way than by confirmation or refusal.",
        "Order",
        ["A repeat", examples.confirmedOrder],
        ["Cancelled during the wait", examples.cancelledOrder],
      ),
    ],
    problems: [
      "frozen",
      "out_of_stock",
      "limit_exceeded",
      "paused",
      "sale_not_open",
      "price_changed",
      "unknown_item",
      "idempotency_key_reused",
    ],
    headers: {
      Location: { always: [200, 201, 202], sometimes: [409] },
      "Preference-Applied": { sometimes: [200, 201, 202, 409, 422, 503, 500] },
      "Idempotency-Replayed": { sometimes: [200, 201, 202, 409] },
      Vary: { always: [200, 201, 202, 400, 401, 403, 409, 413, 415, 422], sometimes: [500, 503] },
    },
  },
  {
    id: "listOrders",
    method: "get",
    path: PATH,
    tag: "Orders",
    summary: "List your orders",
    description:
      "Lists the caller's own orders, newest first. With `status`, a page looks at 1,000 orders: it may be short or empty, and `nextCursor` goes on behind them. Only `nextCursor: null` is the end.",
    caller: "customer",
    parameters: ["Status", "Limit", "Cursor"],
    answers: [json(200, "A page of orders.", "OrderPage", ["The last page", examples.orderPage])],
    headers: { Vary: { always: [200, 400, 401], sometimes: [500, 503] } },
  },
  {
    id: "getOrder",
    method: "get",
    path: `${PATH}/{id}`,
    tag: "Orders",
    summary: "Read an order",
    description:
      "For the order's customer, and for services with `orders:read`. `Prefer: wait=N` waits while the order is pending. When very many requests wait already, the response comes at once.",
    caller: "customer",
    scopes: ["orders:read"],
    parameters: ["OrderId", "Prefer"],
    answers: [
      json(
        200,
        "The current order.",
        "Order",
        ["Confirmed", examples.confirmedOrder],
        ["Refused", examples.refusedOrder],
      ),
    ],
    problems: ["not_found"],
    headers: {
      "Preference-Applied": { sometimes: [200, 403, 404, 500] },
      Vary: { always: [200, 401, 403, 404], sometimes: [500, 503] },
    },
  },
  {
    id: "cancelOrder",
    method: "post",
    path: `${PATH}/{id}/cancel`,
    tag: "Orders",
    summary: "Cancel an order",
    description:
      "For the order's customer, and for services with `orders:cancel`. Cancels the order and releases its stock. An order that is cancelled already, for whatever reason, is returned unchanged.",
    caller: "customer",
    scopes: ["orders:cancel"],
    parameters: ["OrderId"],
    answers: [json(200, "The cancelled order.", "Order", ["Cancelled", examples.cancelledOrder])],
    problems: ["frozen", "not_found", "not_cancellable"],
    headers: { Vary: { always: [200, 401, 403, 404, 409], sometimes: [500, 503] } },
  },
  {
    id: "payOrder",
    method: "post",
    path: `${PATH}/{id}/pay`,
    tag: "Orders",
    summary: "Mark an order as paid",
    description:
      "Marks the held units as sold, without recording a payment. The first matching payment that is recorded later becomes the order's own. An order that is paid already is returned unchanged.",
    caller: "service",
    scopes: ["orders:pay"],
    parameters: ["OrderId"],
    answers: [json(200, "The paid order.", "Order", ["Paid", examples.paidOrder])],
    problems: ["frozen", "not_found", "not_payable"],
    headers: { Vary: { always: [200, 401, 403, 404, 409], sometimes: [500, 503] } },
  },
  {
    id: "extendOrder",
    method: "post",
    path: `${PATH}/{id}/extend`,
    tag: "Orders",
    summary: "Extend the time to pay",
    description:
      "Moves `payBy` of a confirmed order while a payment is under way, at most three times. If the order expires at the same moment, one of the two wins.",
    caller: "service",
    scopes: ["orders:pay"],
    parameters: ["OrderId"],
    body: body("Extension", { seconds: 600 }, "`seconds`: 1 to 900."),
    answers: [
      json(200, "The order with its new `payBy`.", "Order", [
        "Extended",
        { ...examples.confirmedOrder, revision: 3, payBy: "2026-12-01T18:25:00.141Z" },
      ]),
    ],
    problems: ["frozen", "not_found", "not_extendable"],
    headers: {
      Vary: { always: [200, 400, 401, 403, 404, 409, 413, 415], sometimes: [500, 503] },
    },
  },
  {
    id: "createFeedTicket",
    method: "post",
    path: "/v1/feed/tickets",
    tag: "Feed",
    summary: "Get a ticket for the feed",
    description: `Returns a ticket with which a browser opens the feed in place of its token, as the subprotocol \`bearer.<ticket>\`. It can be used once, within a minute. The socket is closed when the token expires that the ticket was issued for.

At most 16 at once and 30 a minute for each customer.`,
    caller: "customer",
    answers: [json(201, "The ticket.", "FeedTicket", ["A ticket", examples.feedTicket])],
    problems: ["rate_limited"],
  },
  {
    id: "openFeed",
    method: "get",
    path: "/v1/feed",
    tag: "Feed",
    summary: "Open the feed",
    description: `Opens a WebSocket (RFC 6455) for the caller's orders. The first message is a \`FeedSnapshot\`; a \`FeedOrder\` follows for each change. See [the feed protocol](#the-feed-protocol).

An upgrade with a missing or invalid token or ticket is accepted and closed with 4401, and one too many with 1013. A client that leaves many of these closes unanswered gets 429. An upgrade whose \`Origin\` is neither the service's own nor listed in the var \`CORS_ORIGINS\` gets 403; without \`Origin\` it does not come from a browser. A request without an upgrade gets 401, or 426 if its token is valid.`,
    caller: "feed",
    parameters: ["Since", "Subprotocol"],
    answers: [
      {
        status: 101,
        description:
          "The socket is open. It sends `FeedSnapshot` and `FeedOrder` as text messages.",
      },
    ],
    problems: ["forbidden", "rate_limited", "upgrade_required"],
    headers: {
      "Sec-WebSocket-Protocol": { sometimes: [101] }, // Hop by hop: a proxy may remove it.
      Upgrade: { always: [101], sometimes: [426] },
    },
  },
];
