import { describe, expect, test } from "vitest";
import {
  adjust,
  type Counters,
  decide,
  isBalanced,
  type ItemView,
} from "../../src/stock/item/rules.ts";
import { orderId } from "./stock-fixtures.ts";

const COUNTERS: Counters = { received: 10, available: 6, held: 3, sold: 1 };
const ID = orderId(1);

function lockOf(quantity: number, limit: number | null, given: Partial<ItemView> = {}) {
  const view: ItemView = {
    counters: COUNTERS,
    isPaused: false,
    lock: undefined,
    isForgotten: false,
    customerUnits: 0,
    returnState: "new",
  };
  return decide(
    { ...view, ...given },
    { type: "lock", orderId: ID, customerId: "ann", quantity, limit },
  );
}

describe("a lock takes what there is", () => {
  test("the last units are taken to the last one", () => {
    const { answer, change } = lockOf(6, null);
    expect(answer).toEqual({ type: "locked" });
    expect(change?.counters).toEqual({ received: 10, available: 0, held: 9, sold: 1 });
  });

  test("one unit more than there is refuses the whole line and is recorded", () => {
    const shortage = { requested: 7, available: 6, reason: "out_of_stock" };
    expect(lockOf(7, null)).toEqual({
      answer: { type: "refused", shortage },
      change: {
        counters: COUNTERS,
        lock: {
          orderId: ID,
          customerId: "ann",
          quantity: 7,
          state: "refused",
          shortage,
          returned: 0,
        },
        movement: null,
      },
    });
  });

  test.each([
    ["exactly up to the limit", 2, 1, 3, "locked"],
    ["one over the limit", 3, 1, 3, "refused"],
    ["a first order over the limit", 4, 0, 3, "refused"],
    ["at the limit already", 1, 3, 3, "refused"],
    ["no limit, whatever the customer has", 6, 1000, null, "locked"],
  ] as const)("limit per customer: %s", (_, quantity, customerUnits, limit, type) => {
    const { answer, change } = lockOf(quantity, limit, { customerUnits });
    expect(answer.type).toBe(type);
    expect(change?.movement).toBe(type === "locked" ? "lock" : null);
  });

  test("over the limit is told as such, with the figures, also when stock is short", () => {
    expect(lockOf(7, 1).answer).toEqual({
      type: "refused",
      shortage: { requested: 7, available: 6, reason: "limit_exceeded" },
    });
  });
});

describe("counters that do not add up", () => {
  const broken: Counters = { received: 10, available: 7, held: 3, sold: 1 };
  const negative: Counters = { received: 3, available: 6, held: -3, sold: 0 };

  test.each([
    ["do not sum", broken],
    ["are negative", negative],
  ])("refuse further locks as a breach that records nothing when they %s", (_, counters) => {
    const { answer, change } = lockOf(1, null, { counters });
    expect(answer.type).toBe("breach");
    expect(change).toBeUndefined();
  });

  test("still repeat what was decided before", () => {
    const lock = {
      orderId: ID,
      customerId: "ann",
      quantity: 1,
      state: "held",
      shortage: null,
      returned: 0,
    } as const;
    expect(lockOf(1, null, { counters: broken, lock }).answer).toEqual({ type: "locked" });
  });

  test.each([
    [COUNTERS, true],
    [{ received: 0, available: 0, held: 0, sold: 0 }, true],
    [broken, false],
    [negative, false],
    [{ received: -1, available: -1, held: 0, sold: 0 }, false],
    [{ received: 0, available: 1, held: 0, sold: -1 }, false],
  ])("isBalanced(%o) is %s", (counters, balanced) => {
    expect(isBalanced(counters)).toBe(balanced);
  });
});

describe("an adjustment", () => {
  test.each([
    [5, { received: 15, available: 11, held: 3, sold: 1 }],
    [-6, { received: 4, available: 0, held: 3, sold: 1 }],
    [-7, undefined],
  ])("of %i units", (delta, counters) => {
    expect(adjust(COUNTERS, delta)).toEqual(counters);
  });
});
