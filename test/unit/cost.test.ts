import { describe, expect, test } from "vitest";
import { type Judged, judgeFull, judgeLone } from "../../bench/cost/budgets.ts";
import type { Counted } from "../../bench/cost/count.ts";
import { dollars } from "../../bench/cost/prices.ts";
import { usageOf } from "../../bench/cost/usage.ts";

/** 100 orders at full load, every one of which costs exactly what it may. */
const counted = (parts: Record<string, number> = {}): Counted => ({
  orders: 100,
  cpu_ms: 200,
  counts: {
    "worker.requests http": 100,
    "worker.batches order-events": 2,
    "worker.batches stock-events": 2,
    "consumer.events order-events": 100,
    "consumer.events stock-events": 100,
    "d1.trips OrderDesk": 100,
    "d1.rowsWritten OrderDesk": 400,
    "d1.rowsWritten stock-events": 100,
    "queue.writes OrderDesk": 4,
    "queue.reads order-events": 4,
    "queue.deletes order-events": 4,
    "object.calls OrderDesk": 100,
    "object.calls StockItem": 5,
    "object.rowsWritten StockItem": 220,
    "object.active_ms OrderDesk": 1_000,
    ...parts,
  },
});

const exceeded = (parts: Record<string, number>): string[] =>
  judgeFull(counted(parts), { hasKeys: true })
    .filter(({ isKept }) => !isKept)
    .map(({ what }) => what);

describe("the bill", () => {
  test("is what was counted, per order, times the published prices", () => {
    const usage = usageOf(counted());
    expect(usage).toMatchObject({
      workerRequests: 1.04,
      cpu_ms: 2,
      objectRequests: 1.05,
      d1RowsWritten: 5,
      queueOperations: 0.12,
      objectRowsWritten: 2.2,
    });
    expect(usage.objectDuration_GBs).toBeCloseTo(0.00128);
    const expected = 1.04 * 0.3 + 2 * 0.02 + 1.05 * 0.15 + 0.00128 * 12.5 + 5 + 0.12 * 0.4 + 2.2;
    expect(dollars(usage)).toBeCloseTo(expected);
  });
});

describe("the budgets", () => {
  test("are kept by orders that use exactly as much", () => {
    expect(exceeded({})).toEqual([]);
  });

  test.each([
    ["events a batch at the stock consumer", { "worker.batches order-events": 3 }],
    ["events a batch at the orders consumer", { "worker.batches stock-events": 3 }],
    ["D1 rows written", { "d1.rowsWritten OrderDesk": 701 }],
    ["stock-object calls on a hot item", { "object.alarms StockItem": 1 }],
    ["stock rows written", { "object.rowsWritten StockItem": 221 }],
    ["queue operations", { "queue.deletes stock-events": 9 }],
    ["feed calls for an absent customer", { "object.calls CustomerFeed": 1 }],
    ["dollars a million", { "object.rowsWritten Reconciler": 200 }],
  ])("are exceeded by more: %s", (what, parts) => {
    expect(exceeded(parts)).toContain(what);
  });

  test("of a lone order: one round trip to place it, its item's level apart", () => {
    const lone = (parts: Record<string, number>, hasKeys: boolean) =>
      judgeLone(counted(parts), { hasKeys, isOff: true }).every(({ isKept }) => isKept);
    expect(lone({}, true)).toBe(true);
    expect(lone({ "d1.trips OrderDesk": 101 }, true)).toBe(false);
    expect(lone({ "d1.rowsWritten levels": 100 }, false)).toBe(false);
    const told = { "d1.rowsWritten levels": 100, "consumer.levels stock-events": 100 };
    expect(lone(told, false)).toBe(true);
    const listed = counted({ "d1.rowsWritten levels": 400 });
    const areKept = (all: Judged[]) => all.every(({ isKept }) => isKept);
    expect(areKept(judgeLone(listed, { hasKeys: true }))).toBe(true);
    expect(areKept(judgeLone(listed, { hasKeys: true, isOff: true }))).toBe(false);
  });
});
