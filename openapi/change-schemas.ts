import * as v from "valibot";
import { OrderIdSchema } from "../src/contract/order-id.ts";
import { SkuSchema } from "../src/contract/sku.ts";
import {
  type ChangeView,
  ITEM_CHANGES,
  ORDER_CHANGES,
  PAYMENT_CHANGES,
} from "../src/orders/changes/change.ts";
import type { OrderView } from "../src/orders/order/order.ts";
import type { PaymentView } from "../src/orders/order/payment.ts";

/** The schemas of changes, made with those of what has changed. */
export function changeSchemas(
  Order: v.GenericSchema<unknown, OrderView>,
  Payment: v.GenericSchema<unknown, PaymentView>,
) {
  const common = { cursor: v.string(), at: v.pipe(v.string(), v.isoTimestamp()) };
  const ChangedItem = v.object({
    sku: SkuSchema,
    name: v.string(),
    available: v.pipe(v.number(), v.integer(), v.minValue(0)),
  });
  const OrderChange = v.object({
    ...common,
    type: v.picklist(ORDER_CHANGES),
    orderId: OrderIdSchema,
    revision: v.pipe(v.number(), v.integer(), v.minValue(1)),
    order: v.nullable(Order),
  });
  const PaymentChange = v.object({
    ...common,
    type: v.picklist(PAYMENT_CHANGES),
    payment: v.nullable(Payment),
  });
  const ItemChange = v.object({
    ...common,
    type: v.picklist(ITEM_CHANGES),
    sku: SkuSchema,
    item: v.nullable(ChangedItem),
  });
  const Change = v.union([OrderChange, PaymentChange, ItemChange]) satisfies v.GenericSchema<
    unknown,
    ChangeView
  >;
  const ChangePage = v.object({ changes: v.array(Change), nextCursor: v.string() });
  return { ChangedItem, OrderChange, PaymentChange, ItemChange, Change, ChangePage };
}
