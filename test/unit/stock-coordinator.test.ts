import { describe, expect, test } from "vitest";
import type { OrderEvent } from "../../src/contract/order-events.ts";
import { delayText, POSTPONED } from "../../src/runtime/queue-consumer.ts";
import { type CallItem, coordinate, MAX_SKUS_PER_RUN } from "../../src/stock/coordinator.ts";
import { event, orderId, shelf, successorOf } from "./stock-fixtures.ts";

const NOW = Date.parse("2026-01-01T00:00:01Z");

const run = (events: OrderEvent[], callItem: CallItem) =>
  coordinate(events, callItem, { now_ms: NOW });

/** Outcomes without the levels, as `type orderNumber`. */
async function told(events: OrderEvent[], callItem: CallItem) {
  const { outcomes } = await run(events, callItem);
  return outcomes
    .filter((outcome) => outcome.type !== "stock.level")
    .map((outcome) => `${outcome.type} ${Number.parseInt(outcome.orderId.slice(-12), 16)}`);
}

describe("one order", () => {
  test("is locked when every line is", async () => {
    const { item, callItem } = shelf({ A: 5, B: 5 });
    const { outcomes, undecided } = await run([event("order.placed", 1, { A: 2, B: 3 })], callItem);
    expect(outcomes[0]).toEqual({
      type: "stock.locked",
      version: 1,
      id: `stock.locked:${orderId(1)}`,
      at: "2026-01-01T00:00:01.000Z",
      orderId: orderId(1),
    });
    expect(undecided.size).toBe(0);
    expect([item("A").counters.held, item("B").counters.held]).toEqual([2, 3]);
  });

  test("invariant 5: holds nothing at any line when one line is refused", async () => {
    const { item, callItem } = shelf({ A: 5, B: 1, C: 5 });
    const { outcomes } = await run([event("order.placed", 1, { A: 2, B: 3, C: 1 })], callItem);
    expect(outcomes[0]).toMatchObject({
      type: "stock.refused",
      orderId: orderId(1),
      shortages: [{ sku: "B", requested: 3, available: 1, reason: "out_of_stock" }],
    });
    for (const sku of ["A", "B", "C"]) expect(item(sku).counters.held).toBe(0);
  });

  test("names every refused line and only those", async () => {
    const { callItem } = shelf({ A: 0, B: 5, C: 5 });
    const placed = event("order.placed", 1, { A: 1, B: 3, C: 1 }, 2);
    const { outcomes } = await run([placed], callItem);
    expect(outcomes[0]).toMatchObject({
      shortages: [
        { sku: "A", reason: "out_of_stock" },
        { sku: "B", requested: 3, available: 5, reason: "limit_exceeded" },
      ],
    });
  });

  test("is refused with the same shortages each time it is asked again", async () => {
    const { item, callItem } = shelf({ A: 5, B: 1 });
    const placed = event("order.placed", 1, { A: 1, B: 3 });
    const first = await run([placed], callItem);
    item("B").adjust(10);
    const again = await run([placed], callItem);
    expect(again.outcomes[0]).toEqual(first.outcomes[0]);
    expect(item("B").counters.held).toBe(0);
  });

  test("that is paid is committed at every line, and again when asked again", async () => {
    const { item, callItem } = shelf({ A: 5, B: 5 });
    const lines = { A: 2, B: 3 };
    const events = [event("order.placed", 1, lines), event("order.paid", 1, lines)];
    expect(await told(events, callItem)).toEqual(["stock.locked 1", "stock.committed 1"]);
    expect(await told([events[1]!], callItem)).toEqual(["stock.committed 1"]);
    expect([item("A").counters.sold, item("B").counters.sold]).toEqual([2, 3]);
  });
});

describe("cancel and place of one order in one batch", () => {
  const lines = { A: 2, B: 3 };
  const placed = event("order.placed", 1, lines);
  const cancelled = event("order.cancelled", 1, lines);

  test("invariant 6: cancelled after it was placed, it holds nothing", async () => {
    const { item, callItem } = shelf({ A: 5, B: 5 });
    const outcomes = await told([placed, cancelled], callItem);
    expect(outcomes).toEqual(["stock.locked 1", "stock.released 1"]);
    expect([item("A").counters.held, item("B").counters.held]).toEqual([0, 0]);
  });

  test("invariant 6: cancelled before it was placed, the late lock takes nothing", async () => {
    const { item, callItem } = shelf({ A: 5, B: 5 });
    const { outcomes } = await run([cancelled, placed], callItem);
    expect(outcomes.slice(0, 2)).toMatchObject([
      { type: "stock.released" },
      { type: "stock.refused", shortages: [] },
    ]);
    expect(item("A").ledger.map(({ kind }) => kind)).toEqual(["receive"]);
  });
});

describe("the successor of an expired order", () => {
  const before = event("order.placed", 1, { A: 2, B: 1 }, 2);
  const ended = event("order.cancelled", 1, { A: 2, B: 1 });
  const successor = successorOf(1, event("order.placed", 2, { A: 2, B: 1 }, 2));

  test.each([
    ["alone, as when the release was lost", [successor]],
    ["before the release", [successor, ended]],
    ["after the release", [ended, successor]],
  ])("gets the very units of that order: %s", async (_, events) => {
    const { item, items, callItem } = shelf({ A: 2, B: 1 });
    await run([before], callItem);
    expect(await told(events, callItem)).toContain("stock.locked 2");
    for (const { counters } of items.values()) expect(counters.available).toBe(0);
    // One call, so that nobody else gets them in between.
    expect(item("A").calls).toHaveLength(2);
    expect(await told([ended, successor], callItem)).toEqual([
      "stock.released 1",
      "stock.locked 2",
    ]);
    expect(item("A").locks.get(orderId(1))?.state).toBe("released");
  });
});

describe("a batch", () => {
  test("of 100 orders on one SKU makes one call", async () => {
    const { item, callItem } = shelf({ A: 100 });
    const events = Array.from({ length: 100 }, (_, n) => event("order.placed", n, { A: 1 }));
    const { outcomes } = await run(events, callItem);
    expect(item("A").calls.map((commands) => commands.length)).toEqual([100]);
    expect(outcomes.filter(({ type }) => type === "stock.locked")).toHaveLength(100);
  });

  test("makes one call per SKU for the locks and one for all compensation", async () => {
    const { item, callItem } = shelf({ A: 100, B: 40, C: 100 });
    const events = Array.from({ length: 100 }, (_, n) =>
      event("order.placed", n, { A: 1, B: 1, C: 1 }),
    );
    await run(events, callItem);
    expect(item("A").calls.map((commands) => commands.length)).toEqual([100, 60]);
    expect(item("B").calls.map((commands) => commands.length)).toEqual([100]);
    expect(item("C").calls.map((commands) => commands.length)).toEqual([100, 60]);
    for (const sku of ["A", "B", "C"]) expect(item(sku).counters.held).toBe(40);
  });

  test("invariant 2: of more orders than units locks exactly the units", async () => {
    const { item, callItem } = shelf({ A: 50 });
    const events = Array.from({ length: 200 }, (_, n) => event("order.placed", n, { A: 1 }));
    const { outcomes } = await run(events, callItem);
    expect(outcomes.filter(({ type }) => type === "stock.locked")).toHaveLength(50);
    expect(outcomes.filter(({ type }) => type === "stock.refused")).toHaveLength(150);
    expect(item("A").counters).toEqual({ received: 50, available: 0, held: 50, sold: 0 });
  });

  test("asks a duplicated event once and concludes every copy", async () => {
    const { item, callItem } = shelf({ A: 5 });
    const copies = [1, 1, 1].map((n) => event("order.placed", n, { A: 1 }));
    expect(await told(copies, callItem)).toEqual(Array(3).fill("stock.locked 1"));
    expect(item("A").calls).toHaveLength(1);
    expect(item("A").calls[0]).toHaveLength(1);
    expect(item("A").counters.held).toBe(1);
  });

  test("leaves a breach undecided and its neighbours alone", async () => {
    const { item, callItem } = shelf({ A: 5 });
    await run([event("order.placed", 1, { A: 1 }), event("order.paid", 1, { A: 1 })], callItem);
    const wrong = [event("order.cancelled", 1, { A: 1 }), event("order.paid", 3, { A: 1 })];
    const { outcomes, undecided } = await run(
      [wrong[0]!, event("order.placed", 2, { A: 1 }), wrong[1]!],
      callItem,
    );
    expect([...undecided.keys()]).toEqual(wrong);
    for (const why of undecided.values()) expect(delayText(why)).toMatch(/^breach at A: /);
    expect(outcomes.map(({ type }) => type)).toEqual(["stock.locked", "stock.level"]);
    expect(item("A").counters).toEqual({ received: 5, available: 3, held: 1, sold: 1 });
  });

  test("tells the level that an item told last, once per SKU", async () => {
    const { callItem } = shelf({ A: 5, B: 0 });
    const { outcomes } = await run([event("order.placed", 1, { A: 2, B: 1 })], callItem);
    expect(outcomes.slice(1)).toMatchObject([
      { type: "stock.level", sku: "A", levelVersion: 2, level: { available: 5, held: 0 } },
      { type: "stock.level", sku: "B", levelVersion: 1, level: { available: 0 } },
    ]);
  });

  test("touches a bounded number of SKUs, and leaves the rest undecided", async () => {
    const called = new Set<string>();
    const stock = Object.fromEntries(
      Array.from({ length: MAX_SKUS_PER_RUN + 10 }, (_, n) => [`S${n}`, 10]),
    );
    const { callItem } = shelf(stock);
    const events = Object.keys(stock).map((sku, n) => event("order.placed", n, { [sku]: 1 }));
    const known = event("order.placed", 5000, { S0: 1, S1: 1 });
    const { outcomes, undecided } = await run([...events, known], async (sku, commands) => {
      called.add(sku);
      return callItem(sku, commands);
    });
    expect(called.size).toBe(MAX_SKUS_PER_RUN);
    expect([...undecided.keys()]).toEqual(events.slice(MAX_SKUS_PER_RUN));
    expect(outcomes.filter(({ type }) => type === "stock.locked")).toHaveLength(
      MAX_SKUS_PER_RUN + 1,
    );
  });

  test("takes one event of more SKUs than that alone, so that it cannot be postponed for ever", async () => {
    const stock = Object.fromEntries(
      Array.from({ length: MAX_SKUS_PER_RUN + 1 }, (_, n) => [`S${n}`, 1]),
    );
    const { callItem } = shelf(stock);
    const large = event("order.placed", 1, stock);
    const { undecided } = await run([large, event("order.placed", 2, { other: 1 })], callItem);
    expect([...undecided.values()]).toEqual([POSTPONED]);
    expect(undecided.has(large)).toBe(false);
  });

  test("keeps a bounded number of calls under way", async () => {
    let underWay = 0;
    let most = 0;
    const stock = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`S${n}`, 1]));
    const { callItem } = shelf(stock);
    const events = Object.keys(stock).map((sku, n) => event("order.placed", n, { [sku]: 1 }));
    await run(events, async (sku, commands) => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay -= 1;
      return callItem(sku, commands);
    });
    expect(most).toBeGreaterThan(1);
    expect(most).toBeLessThanOrEqual(24);
  });
});
