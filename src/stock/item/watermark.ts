import { timeOfOrderId } from "../../contract/order-id.ts";

const DAY_MS = 86_400_000;

/**
 * How far the watermark moves in one step of pruning: never past the newest order that the item has
 * seen, nor more than a day, so that a clock that ran ahead for a moment refuses nobody's order later.
 * `span`: the oldest and the newest order with a lock; null: there is none, and nothing to prune.
 */
export function nextWatermark_ms(
  watermark_ms: number,
  cutoff_ms: number,
  span: { oldest: string; newest: string } | null,
): number {
  if (span === null) return watermark_ms;
  // The first step begins at the oldest order.
  const from_ms = watermark_ms === 0 ? timeOfOrderId(span.oldest) : watermark_ms;
  return Math.max(watermark_ms, Math.min(cutoff_ms, timeOfOrderId(span.newest), from_ms + DAY_MS));
}
