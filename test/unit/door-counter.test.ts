import { expect, test } from "vitest";
import { DoorCounter } from "../../src/orders/place/door-counter.ts";
import type { AdmissionRefusal } from "../../src/orders/place/placement.sql.ts";

const MINUTE_MS = 60_000;
const soldOut = (...skus: string[]): AdmissionRefusal => ({
  code: "out_of_stock",
  closes_ms: null,
  shortages: skus.map((sku) => ({ sku, requested: 9, available: 0, reason: "out_of_stock" })),
});
const line = (sku: string, quantity: number) => ({ sku, quantity });

test("counts each order once, and of its lines those that were refused, per minute", () => {
  const door = new DoorCounter();
  expect(door.add([line("A", 2), line("B", 3)], soldOut("A"), 0)).toBe(true);
  expect(door.add([line("A", 1), line("B", 1)], soldOut("A", "B"), 1)).toBe(false);
  const early: AdmissionRefusal = { code: "sale_not_open", saleStartsAt: null, saleEndsAt: null };
  expect(door.add([line("A", 4)], early, MINUTE_MS)).toBe(false);
  expect(door.take()).toEqual([
    { minute: 0, sku: "", orders: 2, units: 4 },
    { minute: 0, sku: "A", orders: 2, units: 3 },
    { minute: 0, sku: "B", orders: 1, units: 1 },
    { minute: 1, sku: "", orders: 1, units: 4 },
    { minute: 1, sku: "A", orders: 1, units: 4 },
  ]);
  expect(door.take()).toEqual([]);
  expect(door.add([line("A", 1)], soldOut("A"), 2)).toBe(true);
});

test("a write that died with its request is asked for again", () => {
  const door = new DoorCounter();
  expect(door.add([line("A", 1)], soldOut("A"), 0)).toBe(true);
  expect(door.add([line("A", 1)], soldOut("A"), 119_999)).toBe(false);
  expect(door.add([line("A", 1)], soldOut("A"), 120_000)).toBe(true);
  expect(door.add([line("A", 1)], soldOut("A"), 120_001)).toBe(false);
  const counted = door.take().filter(({ sku }) => sku === "A");
  expect(counted.map(({ orders }) => orders)).toEqual([1, 1, 2]);
});

test("refusals that say nothing of demand do not count, and begin nothing", () => {
  const door = new DoorCounter();
  expect(door.add([line("A", 1)], { code: "unknown_item", skus: ["A"] }, 0)).toBe(false);
  expect(door.add([line("A", 1)], { code: "mixed_currencies" }, 0)).toBe(false);
  const total = { amount: 1, currency: "EUR" };
  expect(door.add([line("A", 1)], { code: "price_changed", total }, 0)).toBe(false);
  expect(door.take()).toEqual([]);
});

test("the count of orders goes on when there are too many items to count", () => {
  const door = new DoorCounter();
  for (let i = 0; i < 2_000; i++) door.add([line(`SKU-${i}`, 1)], soldOut(`SKU-${i}`), 0);
  const taken = door.take();
  expect(taken).toHaveLength(500);
  expect(taken[0]).toEqual({ minute: 0, sku: "", orders: 2_000, units: 2_000 });
});
