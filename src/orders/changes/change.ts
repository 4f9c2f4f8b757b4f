import { type Order, type OrderView, viewOf } from "../order/order.ts";
import {
  type Payment,
  type PaymentState,
  type PaymentView,
  paymentView,
} from "../order/payment.ts";

/** What happened, as a reader of the changes sees it. No I/O. */

export const ORDER_CHANGES = [
  "order.placed",
  "order.confirmed",
  "order.extended",
  "order.paid",
  "order.cancelled",
  "order.returned",
] as const;
export const PAYMENT_CHANGES = [
  "payment.waiting",
  "payment.applied",
  "payment.unmatched",
  "payment.refunded",
] as const satisfies readonly `payment.${PaymentState}`[];
export const ITEM_CHANGES = ["item.sold_out", "item.back_in_stock"] as const;
export const CHANGE_TYPES = [...ORDER_CHANGES, ...PAYMENT_CHANGES, ...ITEM_CHANGES] as const;

type OrderChange = (typeof ORDER_CHANGES)[number];
type PaymentChange = (typeof PAYMENT_CHANGES)[number];
type ItemChange = (typeof ITEM_CHANGES)[number];
export type ChangeType = (typeof CHANGE_TYPES)[number];

/** An item as a change shows it. */
export interface ChangedItem {
  sku: string;
  name: string;
  /** By the read model, now. */
  available: number;
}

/** Where a reader is: all rows before `row` are read, and `index` entries of `row`; null: all of it. */
export interface Position {
  row: number;
  index: number | null;
}

export const BEGINNING: Position = { row: 0, index: null };

interface Common {
  /** Where to go on after this change. */
  position: Position;
  /** The row and the place in it: the same for every reader. */
  id: string;
  at_ms: number;
}

/** A change with its subject as it is now; null: housekeeping has deleted that since. */
export type Change =
  | (Common & {
      type: OrderChange;
      orderId: string;
      /** The revision that this step made. The order may have a later one. */
      revision: number;
      order: Order | null;
    })
  | (Common & { type: PaymentChange; payment: Payment | null })
  | (Common & { type: ItemChange; sku: string; item: ChangedItem | null });

interface CommonView {
  cursor: string;
  at: string;
}

export type ChangeView =
  | (CommonView & { type: OrderChange; orderId: string; revision: number; order: OrderView | null })
  | (CommonView & { type: PaymentChange; payment: PaymentView | null })
  | (CommonView & { type: ItemChange; sku: string; item: ChangedItem | null });

export function changeView(change: Change, epoch: string): ChangeView {
  const common = {
    cursor: cursorOf(epoch, change.position),
    at: new Date(change.at_ms).toISOString(),
  };
  if ("order" in change) {
    const { type, orderId, revision, order } = change;
    return { ...common, type, orderId, revision, order: order && viewOf(order) };
  }
  if ("payment" in change) {
    const { type, payment } = change;
    return { ...common, type, payment: payment && paymentView(payment) };
  }
  const { type, sku, item } = change;
  return { ...common, type, sku, item };
}

/** Opaque to clients. The epoch changes when the database was put back. */
export const cursorOf = (epoch: string, { row, index }: Position): string =>
  `${epoch}-${row}-${index ?? "end"}`;

const CURSOR = /^([0-9a-f]{1,32})-(\d{1,15})-(\d{1,6}|end)$/;

export function parseCursor(text: string): { epoch: string; position: Position } | null {
  const [, epoch, row, index] = CURSOR.exec(text) ?? [];
  if (epoch === undefined) return null;
  return { epoch, position: { row: Number(row), index: index === "end" ? null : Number(index) } };
}
