/**
 * What the API answers. Written out here, so that the package needs nothing of the server;
 * test/unit/client-types.test.ts holds them equal to what the server's routes return.
 */

export interface Money {
  /** In minor units of the currency, for instance cents. */
  amount: number;
  /** ISO 4217. */
  currency: string;
}

/** `returned`: the order was paid, and every unit came back. */
export type OrderStatus = "pending" | "confirmed" | "paid" | "cancelled" | "returned";

/** Why an order was cancelled. */
export type CancelReason =
  | "out_of_stock"
  | "limit_exceeded"
  | "paused"
  | "customer_request"
  | "operator_request"
  | "payment_timeout"
  | "lock_timeout"
  | "not_recorded";

/** Why a line of an order was refused, with the figures at the time of the decision. */
export interface Shortage {
  sku: string;
  requested: number;
  available: number;
  reason: "out_of_stock" | "limit_exceeded" | "expired" | "paused";
}

export interface OrderLine {
  sku: string;
  name: string;
  quantity: number;
  price: Money;
  /** Units that came back. Absent: none. */
  returned?: number;
}

export interface Order {
  id: string;
  status: OrderStatus;
  /** Why it was cancelled, else null. */
  reason: CancelReason | null;
  shortages?: Shortage[];
  lines: OrderLine[];
  total: Money;
  /** What a payment has to equal, in the currency of the total. 0: no payment is needed. */
  amountDue: number;
  metadata?: Record<string, string>;
  /** The expired order whose late payment placed this one. */
  successorOf?: string;
  customerId: string;
  /** One higher with each change: of two versions, the higher one is the newer one. */
  revision: number;
  placedAt: string;
  updatedAt: string;
  /** When a confirmed order expires unless it is paid; null: never. */
  payBy: string | null;
}

/** The body of a new order. */
export interface NewOrder {
  /** 1 to 50 lines of 1 to 1,000 units; lines of one SKU are merged. */
  lines: { sku: string; quantity: number }[];
  /** Services only (`orders:create`): whom the order is for. */
  customerId?: string;
  /** Services only: what a payment has to equal, with shipping and tax. Default: the total. */
  amountDue?: number;
  /** Up to 20 pairs and 4 KB, returned with the order. */
  metadata?: Record<string, string>;
  /** Another total is refused with `price_changed`, and no order is placed. */
  expect?: Money;
}

export interface OrderPage {
  orders: Order[];
  /** The `cursor` of the next page; null on the last one. */
  nextCursor: string | null;
}

/** An item of the catalogue. */
export interface Item {
  sku: string;
  name: string;
  price: Money;
  /** Available units. This figure lags a second or two; only an order decides. */
  available: number;
  /** All units there ever were: what `available` is a part of. */
  received: number;
  /** The item takes no orders until the shop resumes it. */
  paused: boolean;
  limitPerCustomer: number | null;
  /** How long a confirmed order waits for its payment. 0: for ever; null: as the deployment says. */
  paymentWindowSeconds: number | null;
  saleStartsAt: string | null;
  saleEndsAt: string | null;
}

export interface ItemPage {
  items: Item[];
  nextCursor: string | null;
}

/**
 * `applied`: the order is paid by it. `waiting`: the order is still pending. `unmatched`: the shop
 * has to refund it. `refunded`: the shop did.
 */
export type PaymentState = "applied" | "waiting" | "unmatched" | "refunded";

/** What a shop reports of a payment. */
export interface NewPayment {
  /** The payment provider's id, unique for ever. */
  reference: string;
  orderId: string;
  /** In minor units. */
  amount: number;
  currency: string;
}

export interface Payment extends NewPayment {
  state: PaymentState;
  /** Why it is unmatched. */
  why?: "unknown_order" | "amount" | "already_paid" | "ended";
  /** The order that it pays instead of `orderId`, which had expired. */
  successorId?: string;
  receivedAt: string;
}

export interface PaymentPage {
  payments: Payment[];
  nextCursor: string | null;
}

/** Goods of a paid order that come back. */
export interface NewReturn {
  lines: { sku: string; quantity: number }[];
  /** False: the units cannot be sold again and are written off. */
  restock: boolean;
  reason: string;
}

export interface Return extends NewReturn {
  id: string;
  orderId: string;
  actor: { kind: "customer" | "service" | "system"; sub: string | null };
  at: string;
  /** `pending`: an item has not applied it yet. */
  state: "pending" | "applied";
}

export interface RecordedReturn {
  return: Return;
  order: Order;
}

/** What a page needs to know of the deployment. */
export interface Config {
  guestCheckout: boolean;
  /** How long a confirmed order waits for its payment, unless its items say otherwise. 0: for ever. */
  paymentWindowSeconds: number;
  /** What to render Cloudflare's Turnstile widget with: a guest needs its token. Null: none does. */
  turnstile: { siteKey: string; action: string } | null;
}

export interface Guest {
  customerId: string;
  token: string;
}
