import * as v from "valibot";
import { MAX_LINES } from "./limits.ts";
import { OrderIdSchema } from "./order-id.ts";
import { SkuSchema } from "./sku.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * Why a line was refused, with the figures of the moment of the decision. `expired`: the order is
 * older than the item remembers.
 */
export const ShortageSchema = v.object({
  sku: SkuSchema,
  requested: count,
  available: count,
  reason: v.picklist(["out_of_stock", "limit_exceeded", "expired"]),
});

/** `received = available + held + sold`, all in units and at least 0. */
export const LevelSchema = v.object({
  sku: SkuSchema,
  received: count,
  available: count,
  held: count,
  sold: count,
});

const head = { version: v.literal(1), id: v.string(), at: v.pipe(v.string(), v.isoTimestamp()) };

/** What came of an order at its items, or how an item stands. Stock → orders. */
export const StockEventSchema = v.variant("type", [
  v.object({ type: v.literal("stock.locked"), ...head, orderId: OrderIdSchema }),
  v.object({
    type: v.literal("stock.refused"),
    ...head,
    orderId: OrderIdSchema,
    shortages: v.pipe(v.array(ShortageSchema), v.maxLength(MAX_LINES)),
  }),
  v.object({ type: v.literal("stock.released"), ...head, orderId: OrderIdSchema }),
  v.object({ type: v.literal("stock.committed"), ...head, orderId: OrderIdSchema }),
  v.object({
    type: v.literal("stock.level"),
    ...head,
    sku: SkuSchema,
    level: LevelSchema,
    /** Grows by one with each change of the item; an older one is never applied over a newer. */
    levelVersion: count,
    /** Commands so far that contradicted what the item had decided. */
    breaches: count,
  }),
]);

export type Shortage = v.InferOutput<typeof ShortageSchema>;
export type Level = v.InferOutput<typeof LevelSchema>;
export type StockEvent = v.InferOutput<typeof StockEventSchema>;
export type StockOutcome = Exclude<StockEvent, { type: "stock.level" }>;
/** How an item stood at `at`, by its own clock. */
export type VersionedLevel = {
  level: Level;
  levelVersion: number;
  breaches: number;
  at: string;
};

const stamp = (id: string, now_ms: number) =>
  ({ version: 1, id, at: new Date(now_ms).toISOString() }) as const;

export function stockOutcome(
  type: Exclude<StockOutcome["type"], "stock.refused">,
  orderId: string,
  now_ms: number,
): StockOutcome {
  return { type, ...stamp(`${type}:${orderId}`, now_ms), orderId };
}

export function stockRefused(orderId: string, shortages: Shortage[], now_ms: number): StockOutcome {
  const type = "stock.refused";
  return { type, ...stamp(`${type}:${orderId}`, now_ms), orderId, shortages };
}

export function stockLevel(versioned: VersionedLevel): StockEvent {
  const { level, levelVersion, breaches, at } = versioned;
  const type = "stock.level";
  const id = `${type}:${level.sku}:${levelVersion}`;
  return { type, version: 1, id, at, sku: level.sku, level, levelVersion, breaches };
}
