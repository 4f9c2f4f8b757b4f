import type { SchemaName } from "./schemas.ts";

/** Descriptions of each schema (key "") and of those members whose names do not say enough. */
export const FIELDS: Record<string, Record<string, string>> = {
  NewOrder: {
    "": "The order to place.",
    lines: "Lines of the same SKU are merged.",
    customerId: "From services only: the customer who owns the order.",
    amountDue:
      "From services only: what a payment has to equal, with shipping and tax, in the order's currency. Without it: the total. 0: no payment is needed.",
    metadata:
      "Your own data, returned with the order. At most 20 pairs of texts and 4 KB as JSON; names have at most 64 characters.",
    expect: "The total that the buyer was shown. Another total is refused with `price_changed`.",
  },
  NewItem: {
    "": "An item's details, without its stock.",
    name: "One line of text, which is trimmed. Control, invisible and reordering characters are rejected.",
    limitPerCustomer:
      "Units that one customer may have in orders that are not cancelled; null: no limit.",
    paymentWindowSeconds:
      "How long a confirmed order waits for its payment: 0: without limit, null: as long as the deployment says. An order with several items has the least of theirs, as they are when it is placed.",
    saleStartsAt: "When the sale opens; null: it has always been open.",
    saleEndsAt: "When the sale closes; null: it never closes.",
    status: "A `draft` is neither shown to buyers nor orderable.",
  },
  ItemPatch: {
    "": "A merge patch (RFC 7396): members that it does not name stay, null removes.",
    price: "Its members are merged too.",
  },
  Extension: {
    "": "More time to pay.",
    seconds: "Added to `payBy`.",
  },
  NewReturn: {
    "": "Units of a paid order that came back.",
    lines: "Lines of the same SKU are merged.",
    restock: "Whether the units can be sold again; if not, they are written off.",
    reason: "Stored in the ledger. One line of text with the same rules as an item's name.",
  },
  NewPayment: {
    "": "A payment that has arrived.",
    reference: "The payment provider's id of the payment. One line of text.",
    orderId: "Any text: the payment is recorded whatever the order.",
    amount: "In minor units of the currency.",
    currency: "An ISO 4217 code.",
  },
  StripeNotice: { "": "An event of Stripe's webhooks." },
  Adjustment: {
    "": "A change of stock.",
    delta: "Units to receive (positive) or to remove (negative). Not 0.",
    reason: "Stored in the ledger. One line of text with the same rules as an item's name.",
  },
  StockCount: {
    "": "A count of the shelf. A sale or a delivery in between is noticed, and not undone.",
    unsold: "Units counted, without paid units that are not shipped yet.",
    expected: "What `available + held` was when you counted.",
    reason: "Stored in the ledger. One line of text with the same rules as an item's name.",
  },
  StockChange: { "": "A change of stock: by a number of units, or to a count." },
  BulkItems: {
    "": "Items to create or replace.",
    items: "Each as the body of a PUT, with its SKU.",
  },
  BulkStock: {
    "": "Changes of stock.",
    changes: "Each as a change of one item, with its SKU. The reason may be left out.",
  },
  ItemOutcome: {
    "": "What came of a line.",
    sku: "Null: the line names no SKU that can be read.",
    status: "The status that a call for this line alone would have.",
    code: "Why it was refused; absent: it was not.",
    errors: "What is not valid. `path` is a JSON pointer into the line.",
  },
  StockOutcome: {
    "": "What came of a line.",
    sku: "Null: the line names no SKU that can be read.",
    status: "The status that a call for this line alone would have.",
    code: "Why it was refused; absent: it was not. `unavailable`: the item did not answer in time; repeat the call with its key.",
    errors: "What is not valid. `path` is a JSON pointer into the line.",
    level: "The level after the change, or when it was refused.",
    affected: "Orders that hold more units than were counted.",
    replayed: "The line had this outcome in an earlier call with the key.",
  },
  ItemOutcomes: { "": "The outcome of each line.", results: "In the order of the lines." },
  StockOutcomes: { "": "The outcome of each line.", results: "In the order of the lines." },
  Thaw: { "": "How to thaw.", force: "Thaw a service whose restored database was not recovered." },
  Recover: {
    "": "The part to recover.",
    apply: "Do it. Else the call only tells what it would do.",
    force: "Begin although messages may still be on their way to the items.",
    cursor: "`nextCursor` of the previous part. With `apply`, of the same run.",
  },
  Orphan: {
    "": "A lock whose order nobody knows.",
    action: "`release`: the units go back on sale. `adopt`: the order is rebuilt from its items.",
  },
  Freezing: { "": "Whether the service is frozen.", frozen: "Null: it is not." },
  FrozenState: {
    "": "Why the service is frozen, and since when.",
    reason: "`database_put_back`: found by itself. `operator`: by hand.",
    restoredTo: "About when the state of the database is from. Null: it was not put back.",
    recovered: "A run of recovery has reached its end since.",
  },
  Recovery: {
    "": "What one part of recovery has done, or would do.",
    applied: "Whether it was done, or only told.",

    unrecoverable:
      "What cannot be known. `no_record`: the item keeps too little of the order. `unknown_item`: nothing tells the name and the price of the item.",
    drafts: "Items that the catalogue had lost. They are drafts until somebody lists them.",
  },
  SettledOrphan: {
    "": "What became of the order.",
    status: "Of the adopted order. Null: its units were released.",
  },
  Reconcile: {
    "": "The part to compare.",
    repair: "Repair what differs, as far as it takes nothing from anybody.",
    cursor: "`nextCursor` of the previous part.",
  },
  Currency: {
    "": "An ISO 4217 currency with minor units (list one, published 2026-01-01).",
  },
  Money: {
    "": "An amount of money.",
    amount: "In minor units of the currency.",
    currency: "An ISO 4217 code. An existing item may have a currency that was withdrawn later.",
  },
  Status: { "": "The status of an order. `returned`: it was paid, and every unit came back." },
  Reason: {
    "": "Why an order was cancelled. `operator_request`: a service or an operator cancelled it.",
  },
  OrderLine: {
    "": "Units of one item, at the price of the time when the order was placed.",
    price: "The price of one unit.",
    returned: "Units that came back. Absent: none.",
  },
  Shortage: {
    "": "Why a line was refused, with the figures at that moment.",
    available:
      "Units that could have been ordered: of the item or, with `limit_exceeded`, within the customer's limit.",
    reason:
      "`expired`: the order is older than the locks that the item keeps a record of. `paused`: the item takes no orders.",
  },
  Order: {
    "": "An order.",
    reason: "Null unless the order is cancelled.",
    shortages: "Only on an order that stock has refused.",
    amountDue:
      "What a payment has to equal, in the currency of the total. 0: the order needs no payment and never expires.",
    metadata: "As it was sent. Absent: none.",
    successorOf: "The expired order whose late payment placed this one.",
    revision: "Increases by one with each change.",
    payBy: "A confirmed order that is not paid by this time is cancelled; null: no deadline.",
  },
  OrderPage: { "": "A page of orders.", nextCursor: "Null on the last page." },
  OrderSearchPage: {
    "": "A page of the orders of all customers.",
    nextCursor: "Null on the last page.",
    searchedTo:
      "When the oldest order was placed that this page and those before it looked at; null on the last page: they looked at all.",
  },
  Item: {
    "": "An item of the catalogue.",
    available: "Lags a second or two behind the stock.",
    received: "All units there ever were: what `available` is a part of.",
    paused: "Whether the item takes no orders until it is resumed.",
    limitPerCustomer:
      "Units that one customer may have in orders that are not cancelled; null: no limit.",
    paymentWindowSeconds:
      "How long a confirmed order waits for its payment: 0: without limit, null: as long as the deployment says. An order with several items has the least of theirs, as they are when it is placed.",
    saleStartsAt: "Null: the sale has always been open.",
    saleEndsAt: "Null: the sale never closes.",
  },
  ItemPage: { "": "A page of items.", nextCursor: "Null on the last page." },
  ItemDetails: { "": "An item as those see it who write it." },
  StockedItem: {
    "": "An item as operators see it.",
    statusBefore:
      "Of an archived item only: its status before. Send it as `status` of the PUT that restores the item.",
    etag: "Send this value as `If-Match` to write only what you have read.",
    saleState: "Whether now is before, in or after the time from `saleStartsAt` to `saleEndsAt`.",
    paused: "Whether the item takes no orders until it is resumed.",
    level: "Lags a second or two behind the stock.",
    updatedAt: "When its details changed last.",
  },
  StockedItemPage: { "": "A page of items.", nextCursor: "Null on the last page." },
  Return: {
    "": "Units of an order that came back.",
    restock: "Whether the units can be sold again; if not, they are written off.",
    actor: "Who reported the return.",
    state: "`pending`: an item has not booked it yet. `applied`: all have.",
  },
  RecordedReturn: { "": "A return, and its order after it." },
  Returns: { "": "The returns of an order, oldest first." },
  Payment: {
    "": "A payment, and what became of it.",
    state:
      "`applied`: it has paid its order. `waiting`: its order is still pending. `unmatched`: you have to refund it. `refunded`: you did.",
    why: "Why it was unmatched: there is no such order; amount or currency are not the amount due; another payment has paid the order; the order has ended.",
    successorId: "The order that it pays instead of `orderId`, whose payment window had run out.",
  },
  RecordedPayment: { "": "A payment as it stands." },
  NoticedPayment: {
    "": "The payment that the event reports.",
    payment: "Null: the event reports no payment with `metadata.lockstock_order`.",
  },
  PaymentPage: { "": "A page of payments, newest first.", nextCursor: "Null on the last page." },
  ExportedPayment: {
    "": "A payment of an exported order.",
    refundedAt: "When you paid it back. Absent: you did not.",
  },
  ExportedOrder: {
    "": "An order with its payments and returns.",
    paidAt: "Of a paid order only, also if all of it came back.",
    payments: "Those that pay it, or were meant to, in the order of their arrival.",
    returns: "Oldest first.",
  },
  ExportEnd: {
    "": "The last line of an export.",
    next: "Continue with it as `after`; null: you have everything.",
  },
  ExportedOrderLine: { "": "A line of the export of orders." },
  ExportedItemLine: { "": "A line of the export of items." },
  ChangedItem: {
    "": "An item that sold out or came back.",
    available: "Now; lags a second or two behind the stock.",
  },
  OrderChange: {
    "": "A step of an order.",
    cursor: "Where to continue after this change.",
    at: "When it was committed.",
    revision: "The revision that the step made. `order` may have a later one.",
    order: "The order as it stands; null: it is no longer kept.",
  },
  PaymentChange: {
    "": "A step of a payment.",
    payment: "The payment as it stands; null: it is no longer kept.",
  },
  ItemChange: { "": "An item that sold out or came back.", item: "The item as it stands." },
  Change: { "": "One change. `type` says of what." },
  ChangePage: {
    "": "The next changes.",
    nextCursor: "Send it as `after`, also when there is nothing new.",
  },
  NewWebhook: {
    "": "An endpoint of yours that is told what happens.",
    url: "https, without a user name and password; not a private address. A local run accepts any address, and http.",
    types: "The types of changes that it gets. Without it: all.",
  },
  WebhookPatch: {
    "": "What is to be changed.",
    state:
      "`off` sets the deliveries aside; `on` goes on where they ended, without the rest of a pause.",
  },
  Webhook: {
    "": "An endpoint of yours that is told what happens.",
    why: "Why it is off: you switched it off; the endpoint answered 410; it was away for so long that the next change is no longer kept.",
    failingSince: "Since when the endpoint has not taken an event; null: it takes them.",
  },
  WebhookWithSecret: {
    "": "A webhook with its secret, which is shown only here.",
    secret: "Verify `webhook-signature` with it, by a library of Standard Webhooks.",
  },
  WebhookStatus: {
    "": "A webhook, and how its deliveries go.",
    pending:
      "Events that are still to be delivered. Later ones wait as changes, and are not counted.",
    parked:
      "Events that the endpoint refused, and those of the same order behind them. They wait for you to resend them.",
    failures: "Attempts that have failed in a row.",
    pausedUntil: "When the next attempt is made after a failure; null: it is not paused.",
  },
  WebhookList: { "": "All webhooks, oldest first." },
  WebhookAttempt: {
    "": "An attempt to deliver an event.",
    status: "Of the endpoint's answer; null: there was none within 15 s.",
    answer: "The beginning of the answer, or why there was none.",
  },
  WebhookDelivery: {
    "": "An event for an endpoint.",
    id: "Sent as `webhook-id`: the same in each attempt.",
    subject: "The order or item that it is about. Events of one subject are delivered in sequence.",
    body: "What is sent.",
  },
  WebhookDeliveryPage: {
    "": "A page of events, newest first.",
    nextCursor: "Null on the last page.",
  },
  WebhookTest: {
    "": "What came of the test.",
    status: "Of the endpoint's answer; null: there was none within 15 s.",
  },
  Level: { "": "The units of an item: `received = available + held + sold`." },
  StockLevel: {
    "": "The units of an item, and whether it is paused, from the item itself.",
    paused: "Whether the item refuses every new lock.",
    pauseChange: "The last pause or resumption; null: there was none.",
  },
  Balance: { "": "The item's counters after a movement." },
  Movement: {
    "": "An entry of an item's ledger.",
    seq: "Increases by one with each movement.",
    kind: "`opening`: the balance that replaces old movements which were folded. `return`: sold units became available again. `write_off`: they came back and cannot be sold again.",
    quantity: "Signed for `receive` and `adjust`.",
    operationId: "The `Idempotency-Key` of the adjustment, or the id of the return.",
    actor: "Who adjusted the stock or returned the order; null for other movements.",
  },
  Ledger: { "": "A page of movements, newest first.", nextCursor: "Null on the last page." },
  Minute: {
    "": "Counts and latencies of one minute.",
    minute: "When the minute begins.",
    refused: "Of the cancelled orders, those that an item has refused.",
    refusedAtDoor:
      "Orders that were refused without being placed, for want of stock or outside of a sale.",
  },
  DemandMinute: {
    "": "Orders for an item in the minute in which they were placed. `asked` is the sum of the others.",
    minute: "When the minute begins.",
    confirmed: "The item held their units at first. They may have been released since.",
    refused: "The item refused them.",
    refusedAtDoor: "Refused without being placed, for want of stock or outside of a sale.",
  },
  DemandUnits: { "": "Units of these orders, of all 60 minutes together." },
  Revenue: { "": "What units were sold for, in one currency, without those that were returned." },
  Demand: {
    "": "The demand for an item, and what it has sold.",
    perMinute: "The last 60 minutes, oldest first. The last one is still running.",
    partial: "Whether more orders came here than an item looks at: the earliest minutes lack some.",
    revenue:
      "At the prices at which the units were ordered, one entry for each currency. It looks at the newest 20000 orders.",
    unitsWithoutPrice:
      "Sold units that `revenue` lacks, since their order is older than that, is forgotten, or was placed with a version that kept no price.",
  },
  Alert: {
    "": "Something that is wrong.",
    since: "Null: it is not known.",
    text: "What is wrong.",
    action: "What to do.",
  },
  Operations: {
    "": "The dashboard: the state of the whole system.",
    orders: "Numbers of orders by status.",
    unsettled:
      "Orders and returns with a command that stock has not acknowledged yet. The count stops at 10000.",
    settleLatencyMs:
      "Time from placing to the outcome, over the last 15 minutes; null: there was no outcome.",
    perMinute: "The last 60 minutes, oldest first; the last one is still running.",
    refusedAtDoor:
      "The items for which orders were refused without being placed in the last hour, for want of stock or outside of a sale, the most units first. Counts come ten seconds late, and are approximate.",
    alerts: "What is wrong, the worst first. Empty: nothing is.",
    deadLetters: "Dead letters that wait for an operator. The count stops at 10000.",
    breaches:
      "Commands that contradicted an earlier decision of a stock item. If this is not 0, check the logs.",
  },
  Actor: { "": "Who did something.", sub: "The `sub` of the token; null for the system." },
  Transition: {
    "": "One change of an order.",
    step: "What happened. `window_opened`: an order that was confirmed without a payment window got one. `recovered`: the database was put back, and the revisions that it had lost are skipped.",
    actor: "Who caused it; null: the entry is older than the record of actors.",
  },
  History: {
    "": "All transitions of an order.",
    traceId: "The logs of both Workers name every step of the order by it.",
    transitions: "Oldest first.",
  },
  Lock: { "": "Units that an item holds for an order, or has sold with it." },
  Difference: {
    "": "A difference between an order and a stock item.",
    kind: "`missing_lock`: the item has no lock for a confirmed or paid order. `unreleased`: the item has a lock for an order that should have none, such as a cancelled one. `wrong_lock`: quantity or state of the lock differ from the order. `orphan_lock`: the item has a lock for an unknown order. `stuck`: the order has waited for its items for longer than it takes when all is well.",
    awaits: "Of a stuck order: the command that is not acknowledged.",
    since: "Of a stuck order: since when it waits.",
    repaired: "Absent: nothing was to be repaired. False: it is for an operator.",
    status: "The order's status; null: there is no such order.",
    expected: "The lock that the order requires.",
    found: "The lock that the item has.",
  },
  Differences: {
    "": "The differences in one part.",
    nextCursor: "Null: the comparison is complete.",
  },
  DeadLetter: {
    "": "A message, or one event of it, that could not be processed.",
    body: "The message as it was received.",
    attempts: "How often its delivery was attempted.",
  },
  DeadLetterPage: {
    "": "A page of dead letters, oldest first.",
    nextCursor: "Null on the last page.",
  },
  Replay: {
    "": "The result of a replay.",
    outcome:
      "`reconciled`: the orders are being reconciled. `resent`: the message is back in its queue.",
  },
  Config: {
    "": "What a page needs to know of this deployment.",
    guestCheckout: "Whether `POST /v1/guests` gives tokens.",
    paymentWindowSeconds:
      "How long a confirmed order waits for its payment, unless its items say otherwise. 0: without limit.",
    turnstile:
      "What a page renders Cloudflare's Turnstile widget with, because a new guest needs its token. Null: no token is needed.",
  },
  TurnstileWidget: {
    "": "Parameters of the widget.",
    siteKey: "The widget's `sitekey`.",
    action: "The widget's `action`: the token of another one is refused.",
  },
  NewGuest: {
    "": "A check that was passed.",
    turnstileToken: "What the widget gave its callback. It counts once, for five minutes.",
  },
  Guest: { "": "A new customer.", token: "A JWT for the `Authorization` header." },
  Health: { "": "The service responds.", version: "Of the deployed code." },
  Contract: { "": "An OpenAPI document." },
  FeedTicket: {
    "": "What opens a feed in place of a token, once.",
    ticket:
      "Send it as the subprotocol `bearer.<ticket>`. At most 1,100 characters of `[A-Za-z0-9_~-]`.",
    expiresAt:
      "When it can no longer be used: a minute after its issue, or when the token expires.",
  },
  FeedSnapshot: {
    "": "The first message of a feed.",
    orders: "All unfinished orders, and those updated since `since` − 60 s. Newest first.",
    truncated:
      "There are, or may be, more orders, which `GET /v1/orders` returns. A snapshot has at most 256 KB.",
  },
  FeedOrder: { "": "A message of a feed: an order after a change." },
} satisfies Record<SchemaName, Record<string, string>>;
