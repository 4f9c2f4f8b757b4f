import { describe, expect, test } from "vitest";
import { percentile } from "../../src/orders/operators/dashboard.sql.ts";
import { LATENCY_BOUNDS_MS } from "../../src/orders/order/minutes.sql.ts";

/** A histogram with so many orders in the bucket that ends at a bound (Infinity: above the last). */
function histogram(counts: Record<number, number>): number[] {
  return [...LATENCY_BOUNDS_MS, Infinity].map((bound) => counts[bound] ?? 0);
}

describe("a percentile of the latency histogram", () => {
  test.each<[string, number[], number, number | null]>([
    ["of nothing", histogram({}), 0.5, null],
    ["of no buckets", [], 0.99, null],
    ["half of the first bucket", histogram({ 5: 10 }), 0.5, 3],
    ["all of the first bucket", histogram({ 5: 10 }), 1, 5],
    ["of one order, at the middle of its bucket", histogram({ 100: 1 }), 0.5, 88],
    ["the last of the lower half", histogram({ 10: 5, 1_000: 5 }), 0.5, 10],
    ["just into the upper half", histogram({ 10: 5, 1_000: 5 }), 0.6, 800],
    ["p95 with 5 % in the tail", histogram({ 20: 95, 60_000: 5 }), 0.95, 20],
    ["p99 in the tail", histogram({ 20: 95, 60_000: 5 }), 0.99, 54_000],
    ["past empty buckets", histogram({ 5: 1, 3_000: 1 }), 0.75, 2_500],
    ["above the last bound", histogram({ [Infinity]: 3 }), 0.5, 60_000],
    ["p99 of a thousand", histogram({ 5: 980, 200: 20 }), 0.99, 175],
    ["of one small bucket below a large one", histogram({ 30: 1, 50: 99 }), 0.01, 30],
  ])("%s", (_, buckets, share, expected) => {
    expect(percentile(buckets, share)).toBe(expected);
  });
});
