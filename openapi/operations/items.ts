import { MAX_BULK_BYTES } from "../../src/orders/http/bulk.ts";
import * as examples from "../examples.ts";
import { body, json, type Operation } from "../operation.ts";

const ITEM = "/v1/items/{sku}";

export const itemOperations: Operation[] = [
  {
    id: "listItems",
    method: "get",
    path: "/v1/items",
    tag: "Catalogue",
    summary: "List the items",
    description:
      "Lists the catalogue by SKU, or returns the items that `sku` names. `available` is at most 5 s old; only placing an order shows whether units are available. All readers share a read of the database a second, so poll this list as often as you like, and send `If-None-Match`. Operators read `GET /v1/operations/items`, which is never cached.",
    caller: "anyone",
    parameters: ["Limit", "Cursor", "Skus", "IfNoneMatch"],
    answers: [
      json(200, "A page of items.", "ItemPage", ["There are more", examples.itemPage]),
      { status: 304, description: "The page has not changed." },
    ],
    isCached: true,
    headers: { ETag: { always: [200, 304] } },
  },
  {
    id: "getItem",
    method: "get",
    path: ITEM,
    tag: "Catalogue",
    summary: "Read an item",
    description:
      "Returns one item of the catalogue, at most 5 s old. Drafts and archived items are 404.",
    caller: "anyone",
    parameters: ["Sku", "IfNoneMatch"],
    answers: [
      json(200, "The item.", "Item", ["An item", examples.item]),
      { status: 304, description: "The item has not changed." },
    ],
    problems: ["invalid_request", "not_found"],
    isCached: true,
    headers: { ETag: { always: [200, 304] } },
  },
  {
    id: "putItem",
    method: "put",
    path: ITEM,
    tag: "Catalogue",
    summary: "Create or replace an item",
    description:
      "Replaces everything but the stock, and brings an archived item back. Writing what the item has already raises no revision. Orders keep the name, price, limit and payment window of the time when they were placed.",
    caller: "service",
    scopes: ["catalogue:write"],
    parameters: ["Sku", "IfMatch", "IfAbsent"],
    body: body(
      "NewItem",
      examples.newItem,
      "The item. `limitPerCustomer`, `saleStartsAt` and `saleEndsAt` are optional; absent or null means no limit. Without a `paymentWindowSeconds` the item has the deployment's. `saleStartsAt` has to be before `saleEndsAt`. The name is trimmed. `status` is `listed` if it is absent.",
    ),
    answers: [
      json(201, "The item is new. It has no stock yet.", "ItemDetails", [
        "Created",
        { ...examples.itemDetails, available: 0 },
      ]),
      json(200, "The item was replaced.", "ItemDetails", ["Replaced", examples.itemDetails]),
    ],
    problems: ["invalid_request", "precondition_failed"],
    headers: { ETag: { always: [200, 201], sometimes: [412] } },
  },
  {
    id: "patchItem",
    method: "patch",
    path: ITEM,
    tag: "Catalogue",
    summary: "Change an item",
    description:
      "Changes what the body names (RFC 7396). `Content-Type` may also be `application/merge-patch+json`. Send the item's `ETag` as `If-Match`, so that you do not overwrite what somebody else has written.",
    caller: "service",
    scopes: ["catalogue:write"],
    parameters: ["Sku", "IfMatch"],
    body: body(
      "ItemPatch",
      { price: { amount: 5900 }, limitPerCustomer: null },
      "What changes. Null removes a limit, a payment window, or a start or end of the sale.",
    ),
    answers: [json(200, "The item after it.", "ItemDetails", ["Changed", examples.itemDetails])],
    problems: ["not_found", "precondition_failed"],
    headers: { ETag: { always: [200], sometimes: [412] } },
  },
  {
    id: "archiveItem",
    method: "delete",
    path: ITEM,
    tag: "Catalogue",
    summary: "Archive an item",
    description:
      "The item is no longer shown and cannot be ordered (`unknown_item`). Its open orders and its stock go on. `PUT` brings it back. A repeat is 204 too.",
    caller: "service",
    scopes: ["catalogue:write"],
    parameters: ["Sku", "IfMatch"],
    answers: [{ status: 204, description: "The item is archived." }],
    problems: ["not_found", "precondition_failed"],
    headers: { ETag: { sometimes: [412] } },
  },
  {
    id: "adjustStock",
    method: "post",
    path: `${ITEM}/stock`,
    tag: "Stock",
    summary: "Receive, remove or count units",
    description:
      "Changes `received` and `available` by `delta`; or sets `available + held` to `unsold`, if it is still `expected`. A repeat with the same key and body gets the first response again, even a 409, with the level of that time and `Idempotency-Replayed: true`. Another body with the same key is rejected; `expected` is a condition and may differ.",
    caller: "service",
    scopes: ["stock:write"],
    parameters: ["Sku", "RequiredIdempotencyKey"],
    body: body(
      "StockChange",
      examples.adjustment,
      "`delta` is in units, not 0; a positive one receives units. Or `unsold` and `expected`. `reason` is trimmed and stored in the ledger.",
    ),
    answers: [
      json(200, "The level after the change.", "Level", ["After the change", examples.level]),
    ],
    problems: [
      "idempotency_key_required",
      "not_found",
      "insufficient_available",
      "stock_changed",
      "idempotency_key_reused",
      "unavailable",
    ],
    headers: { "Idempotency-Replayed": { sometimes: [200, 409] } },
  },
  {
    id: "getStock",
    method: "get",
    path: `${ITEM}/stock`,
    tag: "Stock",
    summary: "Read an item's level",
    description: "Reads the level from the stock item itself, not from the read model.",
    caller: "service",
    scopes: ["stock:write", "operations:read"],
    parameters: ["Sku"],
    answers: [json(200, "The level.", "StockLevel", ["A level", examples.stockLevel])],
    problems: ["not_found", "unavailable"],
  },
  {
    id: "pauseItem",
    method: "post",
    path: `${ITEM}/pause`,
    tag: "Stock",
    summary: "Pause an item",
    description:
      "The item takes no more orders: after this response it refuses every new lock with `paused`. What orders hold or have bought goes on: they can be paid, cancelled and returned, and stock can be adjusted. A repeat is 200 too; repeat the call after a 503, which may have taken effect.",
    caller: "service",
    scopes: ["stock:write"],
    parameters: ["Sku"],
    answers: [json(200, "The item is paused.", "StockLevel", ["Paused", examples.pausedLevel])],
    problems: ["not_found", "unavailable"],
  },
  {
    id: "resumeItem",
    method: "post",
    path: `${ITEM}/resume`,
    tag: "Stock",
    summary: "Resume an item",
    description:
      "The item takes orders again. Orders that it refused meanwhile stay refused. A repeat is 200 too; repeat the call after a 503, which may have taken effect.",
    caller: "service",
    scopes: ["stock:write"],
    parameters: ["Sku"],
    answers: [
      json(200, "The item takes orders.", "StockLevel", [
        "Resumed",
        { ...examples.pausedLevel, paused: false },
      ]),
    ],
    problems: ["not_found", "unavailable"],
  },
  {
    id: "getLedger",
    method: "get",
    path: `${ITEM}/ledger`,
    tag: "Stock",
    summary: "Read an item's ledger",
    description:
      "Lists every movement, newest first. The movements add up to the level. Old movements are folded into an `opening`.",
    caller: "service",
    scopes: ["stock:write", "operations:read"],
    parameters: ["Sku", "Limit", "Cursor"],
    answers: [json(200, "A page of movements.", "Ledger", ["The whole ledger", examples.ledger])],
    problems: ["not_found", "unavailable"],
  },
  {
    id: "getDemand",
    method: "get",
    path: `${ITEM}/demand`,
    tag: "Stock",
    summary: "Read the demand for an item",
    description:
      "What was asked for in each of the last 60 minutes and what became of it, and the revenue of what is sold. The item answers as of a moment ago, at most two seconds; the door's refusals arrive a few seconds late. Poll it every five seconds at most.",
    caller: "service",
    scopes: ["stock:write", "operations:read"],
    parameters: ["Sku"],
    answers: [json(200, "The demand.", "Demand", ["A sale that began", examples.demand])],
    problems: ["not_found", "unavailable"],
  },
  {
    id: "putItems",
    method: "post",
    path: "/v1/items/bulk",
    tag: "Catalogue",
    summary: "Create or replace many items",
    description:
      "Up to 500 items in one transaction, each as a PUT would. Every line has an outcome, and a bad one stops no other.",
    caller: "service",
    scopes: ["catalogue:write"],
    body: {
      ...body("BulkItems", examples.bulkItems, "The items."),
      maxBytes: MAX_BULK_BYTES,
    },
    answers: [
      json(200, "The outcomes.", "ItemOutcomes", ["One is not valid", examples.itemOutcomes]),
    ],
  },
  {
    id: "changeStocks",
    method: "post",
    path: "/v1/stock/bulk",
    tag: "Stock",
    summary: "Receive, remove or count units of many items",
    description:
      "Up to 500 changes, each as a change of one item. Every line has an outcome, and a bad one stops no other. A repeat with the same key changes nothing that is done, and finishes what is not. A line that differs from that of its item in an earlier call with the key is 422.",
    caller: "service",
    scopes: ["stock:write"],
    parameters: ["RequiredIdempotencyKey"],
    body: {
      ...body("BulkStock", examples.bulkStock, "The changes, one for each item."),
      maxBytes: MAX_BULK_BYTES,
    },
    answers: [
      json(200, "The outcomes.", "StockOutcomes", [
        "One was sold in the meantime",
        examples.stockOutcomes,
      ]),
    ],
    problems: ["idempotency_key_required", "unavailable"],
  },
];
