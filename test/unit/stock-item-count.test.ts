import { describe, expect, test } from "vitest";
import { count } from "../../src/stock/item/rules.ts";

/** Ten units received: four available, three held, three sold. */
const TEN = { received: 10, available: 4, held: 3, sold: 3 };

describe("a count of the shelf", () => {
  test.each([
    ["finds what is expected", 7, { received: 10, available: 4, delta: 0 }],
    ["finds more", 9, { received: 12, available: 6, delta: 2 }],
    ["finds fewer", 5, { received: 8, available: 2, delta: -2 }],
    ["finds no more than what orders hold", 3, { received: 6, available: 0, delta: -4 }],
  ])("%s", (_, unsold, { delta, ...after }) => {
    expect(count(TEN, { unsold, expected: 7 })).toEqual({
      type: "counted",
      counters: { ...TEN, ...after },
      delta,
    });
  });

  test("finds fewer than orders hold: it is not applied", () => {
    expect(count(TEN, { unsold: 2, expected: 7 })).toEqual({ type: "below_held" });
  });

  test.each([6, 8, 10])("expects %i where there are seven: it is not applied", (expected) => {
    expect(count(TEN, { unsold: 7, expected })).toEqual({ type: "stock_changed" });
  });
});
