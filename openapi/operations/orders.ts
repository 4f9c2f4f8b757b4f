import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const PATH = "/v1/orders";
const CHANGED = "The order as it stands.";

export const orderOperations: Operation[] = [
  {
    id: "placeOrder",
    method: "post",
    path: PATH,
    tag: "Orders",
    summary: "Place an order",
    description: `Writes the order down and locks its stock: every line or none. Names, prices and limits are those of this moment. All items must have one currency, and their sales must be open.

See [waiting for the outcome](#waiting-for-the-outcome) and [repeating safely](#repeating-safely).`,
    caller: "customer",
    scopes: ["orders:create"],
    parameters: ["IdempotencyKey", "Prefer"],
    body: body(
      "NewOrder",
      examples.newOrder,
      "The lines. Those for one SKU are merged, and the merged quantity is at most 1000 too. `customerId`, from services only: whose order it is; left out, it is the caller's own.",
    ),
    answers: [
      json(201, "With `Prefer: wait=N`: confirmed, every line is locked.", "Order", [
        "Confirmed in time",
        examples.confirmedOrder,
      ]),
      json(202, "Accepted and durable; not decided yet.", "Order", [
        "Accepted",
        examples.pendingOrder,
      ]),
      json(
        200,
        "The order of an earlier request with this key, as it stands; or, with `Prefer: wait=N`, an order that ended otherwise than by confirmation or refusal.",
        "Order",
        ["A repeat", examples.confirmedOrder],
        ["Cancelled while it was waited for", examples.cancelledOrder],
      ),
    ],
    problems: [
      "out_of_stock",
      "limit_exceeded",
      "sale_not_open",
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
    description: "The caller's own orders, newest first.",
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
      "For its customer, and for services with `orders:read`. `Prefer: wait=N` waits while it is pending; when very many wait already, the answer comes at once.",
    caller: "customer",
    scopes: ["orders:read"],
    parameters: ["OrderId", "Prefer"],
    answers: [
      json(
        200,
        CHANGED,
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
      "For its customer, and for services with `orders:cancel`. Its stock is released. An order that is cancelled already, for whatever reason, is answered as it is.",
    caller: "customer",
    scopes: ["orders:cancel"],
    parameters: ["OrderId"],
    answers: [json(200, "The cancelled order.", "Order", ["Cancelled", examples.cancelledOrder])],
    problems: ["not_found", "not_cancellable"],
    headers: { Vary: { always: [200, 401, 403, 404, 409], sometimes: [500, 503] } },
  },
  {
    id: "payOrder",
    method: "post",
    path: `${PATH}/{id}/pay`,
    tag: "Orders",
    summary: "Mark an order as paid",
    description: "Turns the hold into a sale. An order that is paid already is answered as it is.",
    caller: "service",
    scopes: ["orders:pay"],
    parameters: ["OrderId"],
    answers: [json(200, "The paid order.", "Order", ["Paid", examples.paidOrder])],
    problems: ["not_found", "not_payable"],
    headers: { Vary: { always: [200, 401, 403, 404, 409], sometimes: [500, 503] } },
  },
  {
    id: "openFeed",
    method: "get",
    path: "/v1/feed",
    tag: "Feed",
    summary: "Open the feed",
    description: `A WebSocket (RFC 6455) that tells the caller's orders: first a message \`FeedSnapshot\`, then one \`FeedOrder\` for each change. See [the feed protocol](#the-feed-protocol).

An upgrade with a missing or bad token is accepted and closed with 4401; only a plain request is answered 401, or 426 when its token is good.`,
    caller: "feed",
    parameters: ["Since", "Subprotocol"],
    answers: [
      {
        status: 101,
        description:
          "The socket is open. Its messages are `FeedSnapshot` and `FeedOrder`, as text.",
      },
    ],
    problems: ["upgrade_required"],
    headers: {
      "Sec-WebSocket-Protocol": { sometimes: [101] }, // Hop by hop: what stands between may take it away.
      Upgrade: { always: [101], sometimes: [426] },
    },
  },
];
