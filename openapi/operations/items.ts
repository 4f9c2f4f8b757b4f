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
      "The whole catalogue by SKU. `available` follows the stock by a second or two; only placing an order decides.",
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
    description: "One item of the catalogue.",
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
      "Replaces everything but the stock. Orders that were placed keep the name, price and limit of their time.",
    caller: "service",
    scopes: ["catalogue:write"],
    parameters: ["Sku"],
    body: body(
      "NewItem",
      examples.newItem,
      "The item. What is left out or null has no limit or no bound; `saleStartsAt` is before `saleEndsAt`. The name is trimmed.",
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
    summary: "Receive or take away units",
    description:
      "Changes `received` and `available` by `delta`. The whole body belongs to the key: its first answer, a 409 too, is repeated with the level of that time and `Idempotency-Replayed: true`; another body with it is refused.",
    caller: "service",
    scopes: ["stock:write"],
    parameters: ["Sku", "RequiredIdempotencyKey"],
    body: body(
      "Adjustment",
      examples.adjustment,
      "`delta` in units, not 0; positive receives. `reason` is kept in the ledger, trimmed.",
    ),
    answers: [json(200, "The level after the change.", "Level", ["After it", examples.level])],
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
    description: "From the stock item itself, not from the read model.",
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
      "Every movement, newest first; replaying them ends on the level. Old ones are folded into an `opening`.",
    caller: "service",
    scopes: ["stock:write", "operations:read"],
    parameters: ["Sku", "Limit", "Cursor"],
    answers: [json(200, "A page of movements.", "Ledger", ["All there is", examples.ledger])],
    problems: ["not_found", "unavailable"],
  },
];
