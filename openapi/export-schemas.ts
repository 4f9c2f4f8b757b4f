import * as v from "valibot";
import type { StockedItem } from "../src/orders/items/item.ts";
import type { OrderView } from "../src/orders/order/order.ts";
import type { PaymentView } from "../src/orders/order/payment.ts";
import type { ReturnView } from "../src/orders/order/return.ts";

type Entries<T> = { [K in keyof T]-?: v.GenericSchema } & v.ObjectEntries;
type ObjectOf<T, E extends Entries<T>> = v.ObjectSchema<E, undefined> & v.GenericSchema<unknown, T>;

/** The lines of exports as NDJSON, made with the schemas of what is exported. */
export function exportSchemas<O extends Entries<OrderView>, P extends Entries<PaymentView>>(
  Order: ObjectOf<OrderView, O>,
  Payment: ObjectOf<PaymentView, P>,
  Return: v.GenericSchema<unknown, ReturnView>,
  Item: v.GenericSchema<unknown, StockedItem>,
) {
  const time = v.pipe(v.string(), v.isoTimestamp());
  const ExportedPayment = v.object({ ...Payment.entries, refundedAt: v.exactOptional(time) });
  const ExportedOrder = v.object({
    ...Order.entries,
    paidAt: v.exactOptional(time),
    payments: v.array(ExportedPayment),
    returns: v.array(Return),
  });
  const ExportEnd = v.object({ next: v.nullable(v.string()) });
  return {
    ExportedPayment,
    ExportedOrder,
    ExportEnd,
    ExportedOrderLine: v.union([ExportedOrder, ExportEnd]),
    ExportedItemLine: v.union([Item, ExportEnd]),
  };
}
