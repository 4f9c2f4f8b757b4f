import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { MAX_LINES } from "../../src/contract/limits.ts";
import { orderEvent, OrderEventSchema } from "../../src/contract/order-events.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import {
  stockLevel,
  StockEventSchema,
  stockOutcome,
  stockRefused,
} from "../../src/contract/stock-events.ts";

const NOW = Date.parse("2026-11-22T10:00:00Z");
const orderId = newOrderId(NOW);
const lines = [{ sku: "A-1", quantity: 2, limitPerCustomer: 3 }];
const facts = { orderId, customerId: "ann", lines };
const placed = orderEvent("order.placed", facts, NOW);
const level = { sku: "A-1", received: 3, available: 1, held: 1, sold: 1 };

describe("order events", () => {
  test.each(["order.placed", "order.cancelled", "order.paid"] as const)(
    "%s survives the way over the queue, and a copy is known by its id",
    (type) => {
      const event = orderEvent(type, facts, NOW);
      const received: unknown = JSON.parse(JSON.stringify(event));
      expect(v.parse(OrderEventSchema, received)).toEqual(event);
      expect(orderEvent(type, facts, NOW + 5).id).toBe(event.id);
    },
  );

  test.each([
    ["of an unknown version", { ...placed, version: 2 }],
    ["of an unknown type", { ...placed, type: "order.lost" }],
    ["without a customer", { ...placed, customerId: undefined }],
    ["with another kind of order id", { ...placed, orderId: "1" }],
    ["without lines", { ...placed, lines: [] }],
    ["with too many lines", { ...placed, lines: manyLines(MAX_LINES + 1) }],
    ["with two lines of one SKU", { ...placed, lines: [...lines, ...lines] }],
    ["of no units", { ...placed, lines: [{ sku: "A", quantity: 0 }] }],
    ["of a part of a unit", { ...placed, lines: [{ sku: "A", quantity: 1.5 }] }],
    ["of 1001 units", { ...placed, lines: [{ sku: "A", quantity: 1001 }] }],
    ["of a limit of 0", { ...placed, lines: [{ sku: "A", quantity: 1, limitPerCustomer: 0 }] }],
    ["with a SKU that starts with a dot", { ...placed, lines: [{ sku: ".A", quantity: 1 }] }],
    ["with a SKU of 65 characters", { ...placed, lines: [{ sku: "A".repeat(65), quantity: 1 }] }],
    ["with a time that is none", { ...placed, at: "yesterday" }],
  ])("one %s is refused", (_, event) => {
    expect(v.is(OrderEventSchema, event)).toBe(false);
  });

  test("one at every limit is taken", () => {
    const all = manyLines(MAX_LINES).map((line) => ({ ...line, quantity: 1000 }));
    expect(v.is(OrderEventSchema, { ...placed, lines: all })).toBe(true);
  });
});

const AT = new Date(NOW).toISOString();

describe("stock events", () => {
  const shortage = { sku: "A-1", requested: 2, available: 1, reason: "out_of_stock" } as const;
  const events = [
    stockOutcome("stock.locked", orderId, NOW),
    stockOutcome("stock.released", orderId, NOW),
    stockOutcome("stock.committed", orderId, NOW),
    stockRefused(orderId, [shortage], NOW),
    stockRefused(orderId, [], NOW),
    stockLevel({
      level,
      levelVersion: 7,
      breaches: 0,
      at: AT,
      paused: true,
      incarnation: { id: "1a2b3c4d", fromVersion: 5 },
    }),
  ];

  test.each(events)("$type survives the way over the queue", (event) => {
    expect(v.parse(StockEventSchema, JSON.parse(JSON.stringify(event)))).toEqual(event);
  });

  test("each has an id of its own: outcomes by order, levels by version", () => {
    const ids = [...events.slice(0, 4), ...events.slice(5)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(5);
    expect(stockLevel({ level, levelVersion: 8, breaches: 0, at: AT }).id).not.toBe(ids.at(-1));
  });

  test.each([
    ["of an unknown version", { ...events[0], version: 2 }],
    ["with a negative level", { ...events[5], level: { ...level, available: -1 } }],
    ["with a shortage for an unknown reason", refusedFor("mood")],
  ])("one %s is refused", (_, event) => {
    expect(v.is(StockEventSchema, event)).toBe(false);
  });

  function refusedFor(reason: string) {
    return { ...events[3], shortages: [{ ...shortage, reason }] };
  }
});

function manyLines(count: number) {
  return Array.from({ length: count }, (_, n) => ({ sku: `S${n}`, quantity: 1 }));
}
