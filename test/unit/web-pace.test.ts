import { describe, expect, test } from "vitest";
import { Pace } from "../../src/web/shared/pace.ts";

const middle = () => new Pace(() => 0.5);

describe("the pace of a page's polls", () => {
  test("is 2 s while something moves", () => {
    const pace = middle();
    expect([pace.after("moved"), pace.after("moved")]).toEqual([2_000, 2_000]);
  });

  test("slows to 10 s while nothing does, and is quick again when something does", () => {
    const pace = middle();
    const waits = Array.from({ length: 6 }, () => pace.after("same"));
    expect(waits.map(Math.round)).toEqual([3_000, 4_500, 6_750, 10_000, 10_000, 10_000]);
    expect(pace.after("moved")).toBe(2_000);
  });

  test("slows to 20 s while the server fails, and back to 10 s when it answers", () => {
    const pace = middle();
    const failed = { retryAfter_s: null };
    const waits = Array.from({ length: 8 }, () => pace.after(failed));
    expect(waits.at(-1)).toBe(20_000);
    expect(pace.after("same")).toBe(10_000);
  });

  test("waits for as long as the server asks, never less", () => {
    for (const random of [0, 0.5, 1]) {
      const wait_ms = new Pace(() => random).after({ retryAfter_s: 60 });
      expect(wait_ms).toBeGreaterThanOrEqual(60_000);
      expect(wait_ms).toBeLessThan(80_000);
    }
  });

  test("differs from page to page", () => {
    const [early, late] = [new Pace(() => 0).after("moved"), new Pace(() => 1).after("moved")];
    expect([early, late].map(Math.round)).toEqual([1_700, 2_300]);
  });
});
