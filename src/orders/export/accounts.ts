import type { Order } from "../order/order.ts";
import { viewOf } from "../order/order.ts";
import { type Payment, paymentView } from "../order/payment.ts";
import { type Return, returnView } from "../order/return.ts";
import { csvFormat, type Row } from "./csv.ts";
import { ndjson } from "./pages.ts";

/** What an order means to the books. No I/O. docs/guides/export-for-accounting.md describes the columns. */

export interface ExportedPayment extends Payment {
  refundedAt_ms: number | null;
}

export interface ExportedOrder {
  order: Order;
  payments: ExportedPayment[];
  returns: Return[];
}

/** A line of the export as JSON. */
export const exportedOrderView = ({ order, payments, returns }: ExportedOrder) => ({
  ...viewOf(order),
  ...(order.status === "paid" && { paidAt: iso(paidAt_ms(order)) }),
  payments: payments.map((payment) => ({
    ...paymentView(payment),
    ...(payment.refundedAt_ms !== null && { refundedAt: iso(payment.refundedAt_ms) }),
  })),
  returns: returns.map(returnView),
});

export type ExportedOrderView = ReturnType<typeof exportedOrderView>;

/** Amounts are in minor units. Those of a refund and a return are negative. */
export const ENTRY_COLUMNS = [
  "type",
  "at",
  "order_id",
  "customer_id",
  "placed_at",
  "reference",
  "state",
  "reason",
  "sku",
  "name",
  "quantity",
  "unit_price",
  "amount",
  "currency",
] as const;

export type EntryType = "sale" | "payment" | "refund" | "return";
export type Entry = Row<(typeof ENTRY_COLUMNS)[number]> & { type: EntryType };

/** The entries of an order in the books: what was sold, what came back, and the money. */
export function entriesOf({ order, payments, returns }: ExportedOrder): Entry[] {
  const common = {
    order_id: order.id,
    customer_id: order.customerId,
    placed_at: iso(order.placedAt_ms),
    currency: order.total.currency,
  };
  const own = [
    ...salesOf(order),
    ...payments.flatMap(entriesOfPayment),
    ...returns.flatMap((made) => entriesOfReturn(order, made)),
  ];
  return own.map((entry) => ({ ...common, ...entry }));
}

/** An order is sold once it is paid. What is due beyond its lines, like shipping, has no SKU. */
function salesOf(order: Order): Entry[] {
  if (order.status !== "paid") return [];
  const sale = { type: "sale", at: iso(paidAt_ms(order)) } as const;
  const lines = order.lines.map(({ sku, name, quantity, price }) => ({
    ...sale,
    sku,
    name,
    quantity,
    unit_price: price.amount,
    amount: quantity * price.amount,
  }));
  const other = order.amountDue - order.total.amount;
  return other === 0 ? lines : [...lines, { ...sale, amount: other }];
}

function entriesOfPayment(payment: ExportedPayment): Entry[] {
  const { reference, state, why: reason, amount, currency, refundedAt_ms } = payment;
  const money = { reference, state, reason, currency };
  const received = { ...money, type: "payment", at: iso(payment.receivedAt_ms), amount } as const;
  if (refundedAt_ms === null) return [received];
  return [received, { ...money, type: "refund", at: iso(refundedAt_ms), amount: -amount }];
}

/** At the price at which the units were sold. */
function entriesOfReturn(order: Order, made: Return): Entry[] {
  return made.lines.map(({ sku, quantity }) => {
    const line = order.lines.find((one) => one.sku === sku);
    const price = line?.price.amount ?? 0; // D1 records no return of a SKU that the order lacks
    return {
      type: "return",
      at: iso(made.createdAt_ms),
      reference: made.id,
      state: made.restock ? "restocked" : "written_off",
      reason: made.reason,
      sku,
      name: line?.name ?? null,
      quantity: -quantity,
      unit_price: price,
      amount: -quantity * price,
    };
  });
}

/** When the order was paid. Every step of a paid order that came later has its status too. */
function paidAt_ms({ history, updatedAt_ms }: Order): number {
  return history.find(({ status }) => status === "paid")?.at_ms ?? updatedAt_ms;
}

const iso = (ms: number): string => new Date(ms).toISOString();

export const ordersAsCsv = csvFormat(ENTRY_COLUMNS, "order_id", entriesOf);
export const ordersAsNdjson = ndjson(exportedOrderView);
