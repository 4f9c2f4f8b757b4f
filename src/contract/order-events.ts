import * as v from "valibot";
import { type Actor, ActorSchema } from "./actor.ts";
import { MAX_LINES } from "./limits.ts";
import { OrderIdSchema } from "./order-id.ts";
import { QuantitySchema, SkuSchema } from "./sku.ts";
import { TraceIdSchema } from "./trace.ts";

const LineSchema = v.object({
  sku: SkuSchema,
  quantity: QuantitySchema,
  /** The item's limit per customer when the order was placed. */
  limitPerCustomer: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1))),
});

/**
 * What an item keeps of an order beside its units, so that the order can be rebuilt from any one of its
 * items when the database was put back to a time before it.
 */
export const OriginSchema = v.object({
  lines: v.pipe(
    v.array(
      v.object({
        sku: SkuSchema,
        name: v.string(),
        quantity: QuantitySchema,
        /** The price of a unit, in minor units. */
        price: v.number(),
        limitPerCustomer: v.optional(v.number()),
      }),
    ),
    v.minLength(1),
    v.maxLength(MAX_LINES),
  ),
  /** ISO 4217. */
  currency: v.string(),
  /** Absent: the total. */
  amountDue: v.optional(v.number()),
  /** The idempotency key, and its owner where that is not the customer. */
  key: v.optional(v.string()),
  keyOwner: v.optional(v.string()),
  successorOf: v.optional(OrderIdSchema),
  /** The order's own payment window in milliseconds. Absent: the deployment's. */
  paymentWindow_ms: v.optional(v.number()),
});

export type Origin = v.InferOutput<typeof OriginSchema>;

/** One line per SKU: an item keeps one lock per order, so a second line would replace the first. */
const lines = v.pipe(
  v.array(LineSchema),
  v.minLength(1),
  v.maxLength(MAX_LINES),
  v.check((all) => new Set(all.map(({ sku }) => sku)).size === all.length, "must be merged by SKU"),
);
const head = {
  version: v.literal(1),
  id: v.string(),
  at: v.pipe(v.string(), v.isoTimestamp()),
  /** The order's. Absent in what an earlier version sends. */
  traceId: v.optional(TraceIdSchema),
};

/** Sent by orders to stock: what happened to an order, and so what stock has to do. */
export const OrderEventSchema = v.variant("type", [
  v.object({
    type: v.literal("order.placed"),
    ...head,
    orderId: OrderIdSchema,
    customerId: v.string(),
    lines,
    /** Absent: an earlier version. */
    origin: v.optional(OriginSchema),
  }),
  v.object({
    type: v.literal("order.cancelled"),
    ...head,
    orderId: OrderIdSchema,
    /** Both for an item that this reaches before the lock. Absent: an earlier version. */
    customerId: v.optional(v.string()),
    origin: v.optional(OriginSchema),
    lines,
  }),
  v.object({ type: v.literal("order.paid"), ...head, orderId: OrderIdSchema, lines }),
  v.object({
    type: v.literal("order.returned"),
    ...head,
    orderId: OrderIdSchema,
    /** A UUID of version 7, like an order id. */
    returnId: OrderIdSchema,
    /**
     * What the shop asked for, as a hash. A return that is repeated after the database was put back has
     * another id and the same hash. Absent in what an earlier version sends.
     */
    requestHash: v.optional(v.string()),
    customerId: v.string(),
    lines,
    /** False: the units cannot be sold again and are written off. */
    restock: v.boolean(),
    reason: v.string(),
    actor: ActorSchema,
  }),
]);

export type OrderLine = v.InferOutput<typeof LineSchema>;
export type OrderEvent = v.InferOutput<typeof OrderEventSchema>;
export type OrderPlaced = Extract<OrderEvent, { type: "order.placed" }>;
export type OrderReturned = Extract<OrderEvent, { type: "order.returned" }>;

interface OrderFacts {
  orderId: string;
  customerId: string;
  lines: OrderLine[];
  origin?: Origin;
  traceId?: string;
}

/** Each event happens once per order, so type and order make its id: duplicates have the same id. */
export function orderEvent(
  type: Exclude<OrderEvent["type"], "order.returned">,
  { orderId, customerId, lines, origin, traceId }: OrderFacts,
  now_ms: number,
): OrderEvent {
  const at = new Date(now_ms).toISOString();
  const trace = traceId === undefined ? {} : { traceId };
  const head = { version: 1, id: `${type}:${orderId}`, at, ...trace } as const;
  return type === "order.placed"
    ? { type, ...head, orderId, customerId, lines, ...(origin && { origin }) }
    : type === "order.cancelled" && origin
      ? { type, ...head, orderId, customerId, lines, origin }
      : { type, ...head, orderId, lines };
}

interface ReturnFacts extends Omit<OrderFacts, "origin"> {
  returnId: string;
  requestHash?: string;
  restock: boolean;
  reason: string;
  actor: Actor;
}

/** An order may have several returns, so the return makes the id. */
export const orderReturned = (facts: ReturnFacts, now_ms: number): OrderReturned => ({
  type: "order.returned",
  version: 1,
  id: `order.returned:${facts.returnId}`,
  at: new Date(now_ms).toISOString(),
  ...facts,
});
