import { newOrderId } from "../../src/contract/order-id.ts";
import type { Policy } from "../../src/orders/config/policy.ts";
import { orderFromRow, type OrderRow } from "../../src/orders/order/order-queries.sql.ts";
import type { Order } from "../../src/orders/order/order.ts";

/** Orders made by hand: a new column of `orders` gets its value for all tests here. */

/** A row of `orders`, pending unless it says otherwise. */
export const orderRow = (parts: Partial<OrderRow> = {}): OrderRow => ({
  id: newOrderId(Date.now()),
  customer_id: "ann",
  status: "pending",
  reason: null,
  lines: "[]",
  shortages: null,
  total_amount: 1,
  currency: "EUR",
  revision: 1,
  placed_at: 0,
  updated_at: 0,
  pay_by: null,
  awaits: "lock",
  due_at: 30_000,
  attempts: 0,
  history: "[]",
  amount_due: null,
  metadata: null,
  extensions: 0,
  successor_of: null,
  returned: null,
  returned_at: null,
  idempotency_key: null,
  idempotency_owner: null,
  payment_window_ms: null,
  breached_at: null,
  ...parts,
});

/** Of an order whose stock has acknowledged everything. */
export const SETTLED = { awaits: null, due_at: null } as const;

export const order = (parts: Partial<Order> = {}): Order => ({
  ...orderFromRow(orderRow()),
  ...(parts.total && { amountDue: parts.total.amount }),
  ...parts,
});

const COLUMNS = Object.keys(orderRow());

/** Inserts rows, bound as one JSON list, as no code of the Worker would. */
export const INSERT_ORDERS = `INSERT INTO orders (${COLUMNS.join(", ")})
  SELECT ${COLUMNS.map((column) => `value->>'${column}'`).join(", ")} FROM json_each(?)`;

/** No confirmed order expires, and no order is pruned. */
export const POLICY: Policy = {
  paymentWindow_ms: 0,
  lockDeadline_ms: 900_000,
  desks: 1,
  isGateOn: true,
  isGuestCheckoutOn: true,
  latePayment: "reorder",
  isListing: true,
  demandWrite_ms: 0,
  keyRetention_ms: 172_800_000,
  deadLetterRetention_ms: 2_592_000_000,
  orderRetention_ms: 0,
};
