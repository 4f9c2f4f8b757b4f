import { describe, expect, test } from "vitest";
import { backoff_ms } from "../../src/runtime/backoff.ts";

const STEP = { base_ms: 1_000, cap_ms: 60_000 };

describe("backoff", () => {
  test.each([
    [1, 500, 1_000],
    [2, 1_000, 2_000],
    [3, 2_000, 4_000],
    [6, 16_000, 32_000],
    [7, 30_000, 60_000],
    [8, 30_000, 60_000],
    [1_000_000, 30_000, 60_000],
  ])("of attempt %i lies between %i and %i ms", (attempt, least, most) => {
    expect(backoff_ms(attempt, STEP, () => 0)).toBe(least);
    expect(backoff_ms(attempt, STEP, () => 1)).toBe(most);
  });

  test.each([0, -5])("of attempt %i is that of the first", (attempt) => {
    expect(backoff_ms(attempt, STEP, () => 1)).toBe(1_000);
  });

  test("spreads by itself", () => {
    const waits = new Set(Array.from({ length: 50 }, () => backoff_ms(3, STEP)));
    expect(waits.size).toBeGreaterThan(10);
    for (const wait_ms of waits) {
      expect(wait_ms).toBeGreaterThanOrEqual(2_000);
      expect(wait_ms).toBeLessThanOrEqual(4_000);
    }
  });
});
