import * as v from "valibot";
import { MAX_LINES } from "./limits.ts";
import { OrderIdSchema } from "./order-id.ts";
import { QuantitySchema, SkuSchema } from "./sku.ts";

const LineSchema = v.object({
  sku: SkuSchema,
  quantity: QuantitySchema,
  /** The item's limit per customer as it stood when the order was placed. */
  limitPerCustomer: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/** One line a SKU: an item keeps one lock an order, so a second line would silently replace the first. */
const lines = v.pipe(
  v.array(LineSchema),
  v.minLength(1),
  v.maxLength(MAX_LINES),
  v.check((all) => new Set(all.map(({ sku }) => sku)).size === all.length, "must be merged by SKU"),
);
const head = { version: v.literal(1), id: v.string(), at: v.pipe(v.string(), v.isoTimestamp()) };

/** What happened to an order, and so what its stock has to do. Orders → stock. */
export const OrderEventSchema = v.variant("type", [
  v.object({
    type: v.literal("order.placed"),
    ...head,
    orderId: OrderIdSchema,
    customerId: v.string(),
    lines,
  }),
  v.object({ type: v.literal("order.cancelled"), ...head, orderId: OrderIdSchema, lines }),
  v.object({ type: v.literal("order.paid"), ...head, orderId: OrderIdSchema, lines }),
]);

export type OrderLine = v.InferOutput<typeof LineSchema>;
export type OrderEvent = v.InferOutput<typeof OrderEventSchema>;
export type OrderPlaced = Extract<OrderEvent, { type: "order.placed" }>;

interface OrderFacts {
  orderId: string;
  customerId: string;
  lines: OrderLine[];
}

/** An event's id says what it tells, so that a copy is known as a copy: each happens once an order. */
export function orderEvent(
  type: OrderEvent["type"],
  { orderId, customerId, lines }: OrderFacts,
  now_ms: number,
): OrderEvent {
  const head = {
    version: 1,
    id: `${type}:${orderId}`,
    at: new Date(now_ms).toISOString(),
  } as const;
  return type === "order.placed"
    ? { type, ...head, orderId, customerId, lines }
    : { type, ...head, orderId, lines };
}
