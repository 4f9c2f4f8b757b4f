import * as v from "valibot";
import { MAX_LINES } from "./limits.ts";
import { OrderIdSchema } from "./order-id.ts";
import { QuantitySchema, SkuSchema } from "./sku.ts";

const LineSchema = v.object({
  sku: SkuSchema,
  quantity: QuantitySchema,
  /** The item's limit per customer when the order was placed. */
  limitPerCustomer: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/** One line per SKU: an item keeps one lock per order, so a second line would replace the first. */
const lines = v.pipe(
  v.array(LineSchema),
  v.minLength(1),
  v.maxLength(MAX_LINES),
  v.check((all) => new Set(all.map(({ sku }) => sku)).size === all.length, "must be merged by SKU"),
);
const head = { version: v.literal(1), id: v.string(), at: v.pipe(v.string(), v.isoTimestamp()) };

/** Sent by orders to stock: what happened to an order, and so what stock has to do. */
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

/** The id is made of type and order, because each event happens once per order: a duplicate has the same id. */
export function orderEvent(
  type: OrderEvent["type"],
  { orderId, customerId, lines }: OrderFacts,
  now_ms: number,
): OrderEvent {
  const at = new Date(now_ms).toISOString();
  const head = { version: 1, id: `${type}:${orderId}`, at } as const;
  return type === "order.placed"
    ? { type, ...head, orderId, customerId, lines }
    : { type, ...head, orderId, lines };
}
