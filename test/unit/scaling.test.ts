import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { lastFigures } from "../../bench/cost/figures.ts";
import { costTable, savingsTable, shapeTable } from "../../bench/cost/report.ts";
import type { Calibration } from "../../bench/scaling/calibrate.ts";
import { batchAt, needsOf, wallsOf } from "../../bench/scaling/model.ts";
import { sectionsOf } from "../../bench/scaling/report.ts";
import { ROOT } from "../../scripts/lib/project.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const figures = lastFigures();
const calibration = JSON.parse(read("bench/results/scaling.json")) as Calibration;

describe("the documents hold what the scripts print", () => {
  test("docs/scaling.md, of npm run scaling", () => {
    const document = read("docs/scaling.md");
    for (const section of sectionsOf(calibration, figures.systems)) {
      expect(document).toContain(section);
    }
  });

  test("docs/performance.md, of npm run cost and of npm run growth", () => {
    const document = read("docs/performance.md");
    expect(document).toContain(costTable(figures.systems));
    expect(document).toContain(shapeTable(figures.systems));
    expect(document).toContain(savingsTable(figures.savings));
    for (const orders of [100_000, 1_000_000]) {
      expect(document).toContain(read(`bench/results/growth-${orders}.md`).trim());
    }
  });
});

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
