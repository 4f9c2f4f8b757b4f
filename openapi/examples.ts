import type { Example } from "./schemas.ts";

/** The examples tell one story: Ada orders two of the last three tickets. */

export const ITEM_ETAG = '"3.17"';
export const ORDER_ID = "019ab2f0-6c1e-7a53-9d42-3f8e5b7c1a90";
export const SKU = "TICKET-NIGHTFALL";
export const KEY = "5f0c2a1e-basket-42";
const CUSTOMER = "guest_9b2d6c1a-0f4e-4c8b-a7d5-2e61f0b3c984";
const CURSOR = "VElDS0VULU5JR0hURkFMTA";
const PLACED_AT = "2026-12-01T18:00:00.123Z";
const CONFIRMED_AT = "2026-12-01T18:00:00.141Z";

export const newOrder: Example<"NewOrder"> = { lines: [{ sku: SKU, quantity: 2 }] };

export const pendingOrder: Example<"Order"> = {
  id: ORDER_ID,
  status: "pending",
  reason: null,
  lines: [
    {
      sku: SKU,
      name: "Nightfall live, standing ticket",
      quantity: 2,
      price: { amount: 6900, currency: "EUR" },
    },
  ],
  total: { amount: 13_800, currency: "EUR" },
  amountDue: 13_800,
  customerId: CUSTOMER,
  revision: 1,
  placedAt: PLACED_AT,
  updatedAt: PLACED_AT,
  payBy: null,
};

export const confirmedOrder: Example<"Order"> = {
  ...pendingOrder,
  status: "confirmed",
  revision: 2,
  updatedAt: CONFIRMED_AT,
};

export const paidOrder: Example<"Order"> = {
  ...confirmedOrder,
  status: "paid",
  revision: 3,
  updatedAt: "2026-12-01T18:04:12.007Z",
};

export const cancelledOrder: Example<"Order"> = {
  ...confirmedOrder,
  status: "cancelled",
  reason: "customer_request",
  revision: 3,
  updatedAt: "2026-12-01T18:02:30.550Z",
};

export const shortages: Example<"Shortage">[] = [
  { sku: SKU, requested: 2, available: 1, reason: "out_of_stock" },
];

export const refusedOrder: Example<"Order"> = {
  ...pendingOrder,
  status: "cancelled",
  reason: "out_of_stock",
  shortages,
  revision: 2,
  updatedAt: CONFIRMED_AT,
};

const RETURN_ID = "019ab7e3-1f00-7c44-8a51-0b6d2e9f7c35";
const SHOP = { kind: "service", sub: "shop" } as const;

export const newReturn: Example<"NewReturn"> = {
  lines: [{ sku: SKU, quantity: 1 }],
  restock: true,
  reason: "cannot come",
};

const returned: Example<"Return"> = {
  id: RETURN_ID,
  orderId: ORDER_ID,
  lines: [{ sku: SKU, quantity: 1 }],
  restock: true,
  reason: "cannot come",
  actor: SHOP,
  at: "2026-12-02T09:30:00.000Z",
  state: "pending",
};

export const recordedReturn: Example<"RecordedReturn"> = {
  return: returned,
  order: {
    ...paidOrder,
    lines: paidOrder.lines.map((line) => ({ ...line, returned: 1 })),
    revision: 4,
    updatedAt: returned.at,
  },
};

export const returnList: Example<"Returns"> = { returns: [{ ...returned, state: "applied" }] };

export const newPayment: Example<"NewPayment"> = {
  reference: "pi_3QfZ8aB2eZvKYlo2C1xT5d9k",
  orderId: ORDER_ID,
  amount: 13_800,
  currency: "EUR",
};

export const payment: Example<"Payment"> = {
  ...newPayment,
  state: "applied",
  receivedAt: paidOrder.updatedAt,
};

export const unmatchedPayment: Example<"Payment"> = {
  ...payment,
  state: "unmatched",
  why: "already_paid",
};

export const latePayment: Example<"Payment"> = {
  ...payment,
  state: "waiting",
  successorId: "019ab2f9-b0c4-7d10-9e2b-6a1c4f8d7e52",
};

export const orderPage: Example<"OrderPage"> = { orders: [confirmedOrder], nextCursor: null };

export const emptySearchPage: Example<"OrderSearchPage"> = {
  orders: [],
  nextCursor: "MDFhYWRlNjgtNGQ0NC03MWE1LWJhZWMtZDJkMTI0Y2U5ZTQy",
  searchedTo: "2026-11-30T22:10:04.868Z",
};

export const exportedOrder: Example<"ExportedOrder"> = {
  ...recordedReturn.order,
  paidAt: paidOrder.updatedAt,
  payments: [payment],
  returns: [{ ...returned, state: "applied" }],
};

const NAME = '"Nightfall live, standing ticket"';
export const exportedOrdersCsv = [
  "type,at,order_id,customer_id,placed_at,reference,state,reason,sku,name,quantity,unit_price,amount,currency",
  `sale,${paidOrder.updatedAt},${ORDER_ID},${CUSTOMER},${PLACED_AT},,,,${SKU},${NAME},2,6900,13800,EUR`,
  `payment,${payment.receivedAt},${ORDER_ID},${CUSTOMER},${PLACED_AT},${payment.reference},applied,,,,,,13800,EUR`,
  `return,${returned.at},${ORDER_ID},${CUSTOMER},${PLACED_AT},${RETURN_ID},restocked,cannot come,${SKU},${NAME},-1,6900,-6900,EUR`,
  "end,,,,,,,,,,,,,",
].join("\n");

export const exportedItemsCsv = [
  "type,sku,name,status,price,currency,limit_per_customer,payment_window_seconds,sale_starts_at,sale_ends_at,sale_state,received,available,held,sold,updated_at",
  `item,${SKU},${NAME},listed,6900,EUR,4,600,2026-12-01T18:00:00.000Z,,open,500,35,120,345,2026-11-20T09:00:00.000Z`,
  "end,,,,,,,,,,,,,,,",
].join("\n");

export const newItem: Example<"NewItem"> = {
  name: "Nightfall live, standing ticket",
  price: { amount: 6900, currency: "EUR" },
  limitPerCustomer: 4,
  paymentWindowSeconds: 600,
  saleStartsAt: "2026-12-01T18:00:00Z",
};

export const item: Example<"Item"> = {
  sku: SKU,
  name: "Nightfall live, standing ticket",
  price: { amount: 6900, currency: "EUR" },
  available: 3,
  received: 500,
  paused: false,
  limitPerCustomer: 4,
  paymentWindowSeconds: 600,
  saleStartsAt: "2026-12-01T18:00:00.000Z",
  saleEndsAt: null,
};

export const itemDetails: Example<"ItemDetails"> = { ...item, status: "listed" };

export const stockedItem: Example<"StockedItem"> = {
  sku: SKU,
  name: item.name,
  price: item.price,
  limitPerCustomer: 4,
  paymentWindowSeconds: 600,
  saleStartsAt: item.saleStartsAt,
  saleEndsAt: null,
  status: "listed",
  etag: ITEM_ETAG,
  saleState: "open",
  paused: false,
  level: { received: 500, available: 3, held: 12, sold: 485 },
  updatedAt: "2026-12-01T09:00:00.000Z",
};

export const itemPage: Example<"ItemPage"> = { items: [item], nextCursor: CURSOR };

export const adjustment: Example<"Adjustment"> = { delta: 500, reason: "delivery 4711" };

export const pausedLevel: Example<"StockLevel"> = {
  sku: SKU,
  received: 500,
  available: 3,
  held: 12,
  sold: 485,
  paused: true,
  pauseChange: {
    at: "2026-12-01T18:10:00.000Z",
    actor: { kind: "service", sub: "shop-admin" },
  },
};

export const stockLevel: Example<"StockLevel"> = {
  ...pausedLevel,
  paused: false,
  pauseChange: null,
};

export const level: Example<"Level"> = {
  sku: SKU,
  received: 500,
  available: 3,
  held: 12,
  sold: 485,
};

export const ledger: Example<"Ledger"> = {
  movements: [
    {
      seq: 2,
      kind: "lock",
      quantity: 2,
      orderId: ORDER_ID,
      operationId: null,
      reason: null,
      actor: null,
      at: CONFIRMED_AT,
      balance: { received: 500, available: 498, held: 2, sold: 0 },
    },
    {
      seq: 1,
      kind: "receive",
      quantity: 500,
      orderId: null,
      operationId: "delivery-4711",
      reason: "delivery 4711",
      actor: { kind: "service", sub: "warehouse" },
      at: "2026-12-01T09:00:00.000Z",
      balance: { received: 500, available: 500, held: 0, sold: 0 },
    },
  ],
  nextCursor: null,
};

const busyMinute: Example<"Minute"> = {
  minute: "2026-12-01T18:00:00.000Z",
  placed: 1200,
  confirmed: 480,
  paid: 15,
  cancelled: 700,
  refused: 690,
  refusedAtDoor: 5400,
  settleLatencyMs: { p50: 18, p99: 95 },
};

/** The last hour, without orders until the sale began. */
const perMinute = Array.from({ length: 60 }, (_, i): Example<"Minute"> => {
  const minute = new Date(Date.parse(busyMinute.minute) - (59 - i) * 60_000).toISOString();
  if (i === 59) return busyMinute;
  const none = { placed: 0, confirmed: 0, paid: 0, cancelled: 0, refused: 0, refusedAtDoor: 0 };
  return { minute, ...none, settleLatencyMs: { p50: null, p99: null } };
});

export const demand: Example<"Demand"> = {
  sku: SKU,
  perMinute: perMinute.map(({ minute, confirmed, refused, refusedAtDoor }) => {
    return {
      minute,
      asked: confirmed + refused + refusedAtDoor,
      confirmed,
      refused,
      refusedAtDoor,
    };
  }),
  units: { asked: 9840, confirmed: 720, refused: 1020, refusedAtDoor: 8100 },
  partial: false,
  revenue: [{ amount: 2182500, currency: "EUR", units: 485 }],
  unitsWithoutPrice: 0,
};

export const operations: Example<"Operations"> = {
  orders: { pending: 20, confirmed: 465, paid: 15, cancelled: 700, returned: 2 },
  unsettled: { count: 24, oldestAgeSeconds: 2 },
  settleLatencyMs: { p50: 18, p95: 60, p99: 95 },
  perMinute,
  refusedAtDoor: [{ sku: "TICKET-NIGHTFALL", orders: 5400, units: 8100 }],
  deadLetters: 0,
  breaches: 0,
  frozen: null,
  alerts: [
    {
      code: "money_unmatched",
      since: CONFIRMED_AT,
      text: "1 payment belongs to no order that can take it.",
      action: "Refund each at your payment provider, and mark it as refunded.",
    },
  ],
};

export const history: Example<"History"> = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  transitions: [
    {
      revision: 1,
      step: "placed",
      status: "pending",
      reason: null,
      at: PLACED_AT,
      actor: { kind: "customer", sub: CUSTOMER },
    },
    {
      revision: 2,
      step: "confirmed",
      status: "confirmed",
      reason: null,
      at: CONFIRMED_AT,
      actor: { kind: "system", sub: null },
    },
  ],
};

export const differences: Example<"Differences"> = {
  differences: [
    {
      kind: "unreleased",
      sku: SKU,
      orderId: ORDER_ID,
      status: "cancelled",
      expected: null,
      found: { quantity: 2, state: "held" },
    },
  ],
  nextCursor: "eyJwaGFzZSI6ImxvY2tzIiwic2t1IjoiIiwiYWZ0ZXIiOiIifQ",
};

export const frozen: Example<"Freezing"> = {
  frozen: {
    since: "2026-12-01T18:31:00.000Z",
    reason: "database_put_back",
    restoredTo: "2026-12-01T18:05:00.000Z",
    recovered: false,
  },
};

export const recovery: Example<"Recovery"> = {
  applied: true,
  orders: [{ orderId: ORDER_ID, customerId: "customer_17", before: null, after: "paid" }],
  unrecoverable: [],
  drafts: [],
  nextCursor: null,
};

export const settledOrphan: Example<"SettledOrphan"> = { orderId: ORDER_ID, status: "confirmed" };

export const deadLetter: Example<"DeadLetter"> = {
  id: "6c6f1c2e7a1b4d0e8f3a5b9c0d1e2f34",
  queue: "stock-events",
  body: { hello: "world" },
  attempts: 1,
  error: "the message cannot be decoded",
  at: "2026-12-01T18:05:00.000Z",
};

export const guest: Example<"Guest"> = {
  customerId: CUSTOMER,
  token: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJndWVzdF85YjJkNmMxYSJ9.c2lnbmF0dXJl",
};

export const feedTicket: Example<"FeedTicket"> = {
  ticket: "Z3Vlc3RfOWIyZDZjMWE~X2l0cyBhIHNlY3JldCE",
  expiresAt: "2026-12-01T18:06:00.000Z",
};

export const CHANGE_CURSOR = "5f1c0ad93b7e-4182-end";

export const changePage: Example<"ChangePage"> = {
  changes: [
    {
      cursor: "5f1c0ad93b7e-4181-end",
      type: "order.confirmed",
      at: CONFIRMED_AT,
      orderId: ORDER_ID,
      revision: 2,
      order: confirmedOrder,
    },
    {
      cursor: "5f1c0ad93b7e-4182-1",
      type: "payment.waiting",
      at: CONFIRMED_AT,
      payment: { ...payment, state: "waiting" },
    },
    {
      cursor: CHANGE_CURSOR,
      type: "item.sold_out",
      at: CONFIRMED_AT,
      sku: SKU,
      item: { sku: SKU, name: "Nightfall, standing", available: 0 },
    },
  ],
  nextCursor: CHANGE_CURSOR,
};

export const newWebhook: Example<"NewWebhook"> = {
  url: "https://shop.example/lockstock",
  types: ["order.confirmed", "order.cancelled"],
};

export const webhook: Example<"Webhook"> = {
  id: "0b7c1f52-93a4-4d0e-8f21-6d5a9c3e7b18",
  url: "https://shop.example/lockstock",
  types: ["order.confirmed", "order.cancelled"],
  state: "on",
  failingSince: null,
  createdAt: PLACED_AT,
};

export const SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

export const delivery: Example<"WebhookDelivery"> = {
  id: "evt_5f1c0ad93b7e_4181_0",
  subject: ORDER_ID,
  type: "order.confirmed",
  at: CONFIRMED_AT,
  state: "parked",
  attempts: 1,
  lastAttempt: { at: CONFIRMED_AT, status: 400, answer: "unknown order", tookMs: 84 },
  body: {
    type: "order.confirmed",
    timestamp: CONFIRMED_AT,
    data: { id: ORDER_ID, status: "confirmed", revision: 2, reason: null },
  },
};

export const bulkItems: Example<"BulkItems"> = { items: [{ sku: SKU, ...newItem }] };

export const itemOutcomes: Example<"ItemOutcomes"> = {
  results: [
    { sku: SKU, status: 201 },
    {
      sku: "TICKET-DAWN",
      status: 400,
      code: "invalid_request",
      errors: [{ path: "/price/currency", message: "is not a currency of ISO 4217" }],
    },
  ],
};

export const bulkStock: Example<"BulkStock"> = {
  changes: [
    { sku: SKU, unsold: 40, expected: 42, reason: "hourly count" },
    { sku: "TICKET-DAWN", delta: 100, reason: "delivery 4711" },
  ],
};

export const stockOutcomes: Example<"StockOutcomes"> = {
  results: [
    { sku: SKU, status: 409, code: "stock_changed", level },
    { sku: "TICKET-DAWN", status: 200, level: { ...level, sku: "TICKET-DAWN" } },
  ],
};
