import * as v from "valibot";
import { MAX_LINES } from "./limits.ts";
import { OrderIdSchema } from "./order-id.ts";
import { SkuSchema } from "./sku.ts";
import { TraceIdSchema } from "./trace.ts";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));

/**
 * Why a line was refused, with the figures at the time of the decision. `expired`: the order is
 * older than the item's watermark. `paused`: the item takes no locks.
 */
export const ShortageSchema = v.object({
  sku: SkuSchema,
  requested: count,
  available: count,
  reason: v.picklist(["out_of_stock", "limit_exceeded", "expired", "paused"]),
});

/**
 * A shortage as it crosses. A paused item refuses as `out_of_stock` with `paused`: a version from
 * before the pause does not know the reason and would make a dead letter of the outcome, and so it
 * reads the order as sold out. Also read, and sent by a later version: the reason itself.
 */
const SentShortageSchema = v.object({ ...ShortageSchema.entries, paused: v.optional(v.boolean()) });

/** In units, all at least 0: `received = available + held + sold`. */
export const LevelSchema = v.object({
  sku: SkuSchema,
  received: count,
  available: count,
  held: count,
  sold: count,
});

const head = { version: v.literal(1), id: v.string(), at: v.pipe(v.string(), v.isoTimestamp()) };
/** That of the command. Absent in what an earlier version sends. */
const outcome = { ...head, orderId: OrderIdSchema, traceId: v.optional(TraceIdSchema) };

/**
 * A life of an item's object, from its start to its eviction. Every level that was told before it began
 * is of at most its first version, unless the item's storage was put back in between.
 */
export const IncarnationSchema = v.object({
  /** Random. */
  id: v.string(),
  /** The version of the level at its start. */
  fromVersion: count,
});

/** Sent by stock to orders: the outcome of an order, or the level of an item. */
export const StockEventSchema = v.variant("type", [
  v.object({ type: v.literal("stock.locked"), ...outcome }),
  v.object({
    type: v.literal("stock.refused"),
    ...outcome,
    shortages: v.pipe(v.array(SentShortageSchema), v.maxLength(MAX_LINES)),
  }),
  v.object({ type: v.literal("stock.released"), ...outcome }),
  v.object({ type: v.literal("stock.committed"), ...outcome }),
  v.object({ type: v.literal("stock.returned"), ...outcome, returnId: OrderIdSchema }),
  /**
   * A command contradicts what an item has decided, so that repeating it soon helps nobody. Only in
   * answers of the lane: an earlier version could not read it from the queue.
   */
  v.object({
    type: v.literal("stock.breached"),
    ...outcome,
    /** Of a return. */
    returnId: v.optional(OrderIdSchema),
    detail: v.string(),
  }),
  v.object({
    type: v.literal("stock.level"),
    ...head,
    sku: SkuSchema,
    level: LevelSchema,
    /** Grows by one with each change of the item. An older version never replaces a newer one. */
    levelVersion: count,
    /** The number of commands so far that contradicted the item's recorded decision. */
    breaches: count,
    /** Whether the item takes no locks. Absent: an earlier version, which cannot say. */
    paused: v.optional(v.boolean()),
    /** Absent: an earlier version. */
    incarnation: v.optional(IncarnationSchema),
  }),
]);

export type Shortage = v.InferOutput<typeof ShortageSchema>;
export type SentShortage = v.InferOutput<typeof SentShortageSchema>;
export type Level = v.InferOutput<typeof LevelSchema>;
export type Incarnation = v.InferOutput<typeof IncarnationSchema>;
export type StockEvent = v.InferOutput<typeof StockEventSchema>;
export type StockOutcome = Exclude<StockEvent, { type: "stock.level" }>;
/** An item's level at the time `at` of the item's own clock. */
export interface VersionedLevel {
  level: Level;
  levelVersion: number;
  breaches: number;
  at: string;
  /** Absent in what an earlier version sends. */
  paused?: boolean | undefined;
  /** Absent in what an earlier version sends. */
  incarnation?: Incarnation | undefined;
}

/** What the orders Worker keeps and shows of a refusal. */
export const shortageFrom = ({ paused = false, ...shortage }: SentShortage): Shortage =>
  paused ? { ...shortage, reason: "paused" } : shortage;

const stamp = (id: string, now_ms: number) =>
  ({ version: 1, id, at: new Date(now_ms).toISOString() }) as const;

export function stockOutcome(
  type: Exclude<StockOutcome["type"], "stock.refused" | "stock.returned" | "stock.breached">,
  orderId: string,
  now_ms: number,
): StockOutcome {
  return { type, ...stamp(`${type}:${orderId}`, now_ms), orderId };
}

export function stockRefused(
  orderId: string,
  shortages: SentShortage[],
  now_ms: number,
): StockOutcome {
  const type = "stock.refused";
  return { type, ...stamp(`${type}:${orderId}`, now_ms), orderId, shortages };
}

export function stockReturned(orderId: string, returnId: string, now_ms: number): StockOutcome {
  const type = "stock.returned";
  return { type, ...stamp(`${type}:${returnId}`, now_ms), orderId, returnId };
}

export function stockBreached(
  { orderId, returnId }: { orderId: string; returnId?: string },
  detail: string,
  now_ms: number,
): StockOutcome {
  const type = "stock.breached";
  const head = stamp(`${type}:${returnId ?? orderId}`, now_ms);
  return { type, ...head, orderId, ...(returnId !== undefined && { returnId }), detail };
}

export function stockLevel(versioned: VersionedLevel): StockEvent {
  const { level, levelVersion, breaches, at, paused, incarnation } = versioned;
  const type = "stock.level";
  const id = `${type}:${level.sku}:${levelVersion}`;
  const told = { sku: level.sku, level, levelVersion, breaches };
  const optional = { ...(paused !== undefined && { paused }), ...(incarnation && { incarnation }) };
  return { type, version: 1, id, at, ...told, ...optional };
}
