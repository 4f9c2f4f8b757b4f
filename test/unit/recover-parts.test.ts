import { describe, expect, test } from "vitest";
import { partsOf, type Unsettled } from "../../src/orders/recover/unsettled.ts";

/** 2 MB of a bound value (D1 limits), of which a character may take three bytes. */
const MAX_CHARS = 600_000;

const order = (n: number, skus: readonly string[]): Unsettled => ({
  id: `order-${n}`,
  customerId: "ann",
  before: null,
  origin: {
    currency: "EUR",
    lines: skus.map((sku) => ({ sku, name: "名".repeat(200), quantity: 1, price: 1_000_000_000 })),
  },
});
const skusFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, i) => `sku-${first + i}`);

describe("the parts of a recovery", () => {
  test("200 orders of 50 long lines are split, so that each part is a bound value", () => {
    const orders = Array.from({ length: 200 }, (_, n) => order(n, skusFrom(0, 50)));
    const parts = partsOf(orders);
    expect(parts.flat()).toEqual(orders);
    for (const part of parts) {
      const rows = part.map(({ origin }) => JSON.stringify(origin?.lines));
      expect(JSON.stringify(rows).length).toBeLessThan(MAX_CHARS);
    }
  });

  test("200 usual orders are one part", () => {
    const orders = Array.from({ length: 200 }, (_, n) => order(n, skusFrom(0, 1)));
    expect(partsOf(orders)).toHaveLength(1);
  });

  test("a part has at most 300 items", () => {
    const orders = Array.from({ length: 20 }, (_, n) => order(n, skusFrom(n * 50, 50)));
    for (const part of partsOf(orders)) {
      expect(
        new Set(part.flatMap(({ skus, origin }) => skus ?? origin?.lines.map((l) => l.sku))).size,
      ).toBeLessThanOrEqual(300);
    }
  });
});
