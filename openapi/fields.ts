import type { SchemaName } from "./schemas.ts";

/** What a schema, at "", and its members mean, where the name does not say it all. */
export const FIELDS: Record<string, Record<string, string>> = {
  NewOrder: { "": "What is ordered.", lines: "Lines for one SKU are merged." },
  NewItem: {
    "": "An item without its stock.",
    name: "One line of text, trimmed; without control, invisible or reordering characters.",
    limitPerCustomer: "Units one customer may have in live orders; null: any number.",
    saleStartsAt: "The sale is open from here; null: always was.",
    saleEndsAt: "And until here; null: for ever.",
  },
  Adjustment: {
    "": "A change of stock.",
    delta: "Units; positive receives, negative takes away; not 0.",
    reason: "Kept in the ledger. One line of text, as the name of an item.",
  },
  Reconcile: {
    "": "Which part to compare.",
    repair: "Have the orders that differ looked at now.",
    cursor: "`nextCursor` of the part before.",
  },
  Currency: {
    "": "A currency of ISO 4217 that has minor units (list one of 2026-01-01).",
  },
  Money: {
    "": "An amount of money.",
    amount: "In minor units of the currency.",
    currency: "ISO 4217; an item may have one that has been withdrawn since.",
  },
  Status: { "": "Where an order stands." },
  Reason: { "": "Why an order is cancelled." },
  OrderLine: {
    "": "Units of one item, at the price when the order was placed.",
    price: "Of one unit.",
  },
  Shortage: {
    "": "Why a line was refused, with the figures of that moment.",
    available:
      "Units that could have been ordered: of the item or, at `limit_exceeded`, of the customer's limit.",
    reason: "`expired`: the order is older than the item remembers.",
  },
  Order: {
    "": "An order.",
    reason: "Null unless it is cancelled.",
    shortages: "Of a refused order.",
    revision: "Grows by one with each change.",
    payBy: "A confirmed order that is not paid by then is cancelled; null: never.",
  },
  OrderPage: { "": "A page of orders.", nextCursor: "Null on the last page." },
  Item: {
    "": "An item of the catalogue.",
    available: "Follows the stock by a second or two.",
    limitPerCustomer: "Units one customer may have in live orders; null: any number.",
    saleStartsAt: "Null: the sale has always been open.",
    saleEndsAt: "Null: it never ends.",
  },
  ItemPage: { "": "A page of items.", nextCursor: "Null on the last page." },
  Level: { "": "The units of an item: `received = available + held + sold`." },
  Balance: { "": "How the item stood after a movement." },
  Movement: {
    "": "An entry of an item's ledger.",
    seq: "Grows by one with each movement.",
    kind: "`opening`: what the ledger starts with after old movements were folded.",
    quantity: "Signed for `receive` and `adjust`.",
    operationId: "The `Idempotency-Key` of the change.",
  },
  Ledger: { "": "A page of movements, newest first.", nextCursor: "Null on the last page." },
  Minute: { "": "What happened in one minute.", minute: "Its beginning." },
  Operations: {
    "": "How the whole is doing.",
    orders: "All orders, by status.",
    unsettled: "Orders whose stock still owes something. The count stops at 10000.",
    settleLatencyMs:
      "From placing to the outcome, over the last 15 minutes; null: there was no outcome.",
    perMinute: "The last 60 minutes, oldest first, the running one last.",
    deadLetters: "Messages to look at. The count stops at 10000.",
    breaches: "Commands that contradicted what a stock item had decided. Not 0: look at the logs.",
  },
  Transition: { "": "A step of an order's life." },
  History: { "": "An order's life.", transitions: "Oldest first." },
  Lock: { "": "Units an item has for an order." },
  Difference: {
    "": "Where an order and its item disagree.",
    kind: "`missing_lock`: the item lacks what a confirmed or paid order has. `unreleased`: it holds units for a cancelled one. `wrong_lock`: it holds others. `orphan_lock`: it holds units for no known order.",
    status: "Of the order; null: there is none.",
    expected: "What the order calls for.",
    found: "What the item has.",
  },
  Differences: { "": "What differs in one part.", nextCursor: "Null: all is compared." },
  DeadLetter: {
    "": "A message, or one event of it, that could not be processed.",
    body: "The message as it came.",
    attempts: "How often it was tried.",
  },
  DeadLetterPage: {
    "": "A page of dead letters, oldest first.",
    nextCursor: "Null on the last page.",
  },
  Replay: {
    "": "What a replay did.",
    outcome: "`reconciled`: its orders are looked at now. `resent`: it is back in its queue.",
  },
  Guest: { "": "A new customer.", token: "A JWT for the `Authorization` header." },
  Health: { "": "A sign of life." },
  Contract: { "": "An OpenAPI document." },
  FeedSnapshot: {
    "": "The first message of a feed.",
    orders: "All unfinished orders, and those updated since `since` − 60 s. Newest first.",
    truncated: "There may be more: `GET /v1/orders` has them.",
  },
  FeedOrder: { "": "A message of a feed: the order as it stands after a change." },
} satisfies Record<SchemaName, Record<string, string>>;
