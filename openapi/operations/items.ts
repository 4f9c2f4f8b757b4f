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
      "Lists the catalogue by SKU. `available` lags a second or two behind the stock; only placing an order shows whether units are available.",
    caller: "anyone",
    parameters: ["Limit", "Cursor"],
    answers: [json(200, "A page of items.", "ItemPage", ["There are more", examples.itemPage])],
  },
  {
    id: "getItem",
    method: "get",
    path: ITEM,
    tag: "Catalogue",
    summary: "Read an item",
    description: "Returns one item of the catalogue.",
    caller: "anyone",
    parameters: ["Sku"],
    answers: [json(200, "The item.", "Item", ["An item", examples.item])],
    problems: ["not_found"],
  },
  {
    id: "putItem",
    method: "put",
    path: ITEM,
    tag: "Catalogue",
    summary: "Create or replace an item",
    description:
      "Replaces everything but the stock. Orders keep the name, price and limit of the time when they were placed.",
    caller: "service",
    scopes: ["catalogue:write"],
    parameters: ["Sku"],
    body: body(
      "NewItem",
      examples.newItem,
      "The item. `limitPerCustomer`, `saleStartsAt` and `saleEndsAt` are optional; absent or null means no limit. `saleStartsAt` has to be before `saleEndsAt`. The name is trimmed.",
    ),
    answers: [
      json(201, "The item is new. It has no stock yet.", "Item", [
        "Created",
        { ...examples.item, available: 0 },
      ]),
      json(200, "The item was replaced.", "Item", ["Replaced", examples.item]),
    ],
    problems: ["invalid_request"],
  },
  {
    id: "adjustStock",
    method: "post",
    path: `${ITEM}/stock`,
    tag: "Stock",
    summary: "Receive or remove units",
    description:
      "Changes `received` and `available` by `delta`. A repeat with the same key and body gets the first response again, even a 409, with the level of that time and `Idempotency-Replayed: true`. Another body with the same key is rejected.",
    caller: "service",
    scopes: ["stock:write"],
    parameters: ["Sku", "RequiredIdempotencyKey"],
    body: body(
      "Adjustment",
      examples.adjustment,
      "`delta` is in units, not 0; a positive one receives units. `reason` is trimmed and stored in the ledger.",
    ),
    answers: [
      json(200, "The level after the change.", "Level", ["After the change", examples.level]),
    ],
    problems: [
      "idempotency_key_required",
      "not_found",
      "insufficient_available",
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
    answers: [json(200, "The level.", "Level", ["A level", examples.level])],
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
];
