import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Calibration } from "../../bench/scaling/calibrate.ts";
import { batchAt, needsOf, wallsOf } from "../../bench/scaling/model.ts";
import { ROOT } from "../../scripts/lib/project.ts";

const file = join(ROOT, "bench/results/scaling.json");
const calibration = JSON.parse(readFileSync(file, "utf8")) as Calibration;

describe("the model", () => {
  const fit = { fixed_ms: 1, each_ms: 0.1 };

  test("a batch holds what arrives while the one before is under way", () => {
    const options = { wait_ms: 9, most: 200 };
    expect(batchAt(1, fit, options)).toBe(1);
    // 5 a millisecond: 100 take 9 + 1 + 10 = 20 ms, in which 100 arrive.
    expect(batchAt(5_000, fit, options)).toBe(100);
    expect(batchAt(6_000, fit, options)).toBeCloseTo(150);
    // 200 take 30 ms: more than 6,667 a second never catch up.
    expect(batchAt(6_660, fit, options)).toBeLessThanOrEqual(200);
    expect(batchAt(6_700, fit, options)).toBeNull();
  });

  test("more orders never need less, and twice the desks' limit needs more than one", () => {
    for (const sale of ["one hot SKU", "many SKUs"] as const) {
      const needs = [100, 1_000, 10_000, 100_000].map((rate) => needsOf(rate, calibration, sale));
      for (const [i, need] of needs.entries()) {
        const before = needs[i - 1] ?? need;
        expect(need.databases).toBeGreaterThanOrEqual(before.databases);
        expect(need.desks).toBeGreaterThanOrEqual(before.desks);
        expect(Number.isFinite(need.databases)).toBe(true);
      }
      expect(needsOf(2_000, calibration, sale).desks).toBeGreaterThan(1);
    }
  });

  test("what is full first comes first", () => {
    const rates = wallsOf(calibration, "one hot SKU").map(({ rate_per_s }) => rate_per_s);
    expect(rates).toEqual(rates.toSorted((a, b) => a - b));
  });
});
