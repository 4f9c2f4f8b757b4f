import { describe, expect, test } from "vitest";
import { type Judged, judgeFull, judgeLone } from "../../bench/cost/budgets.ts";
import { type Counted, countFull, countLone, LEAN, LOCKSTOCK } from "../../bench/cost/count.ts";
import { dollars } from "../../bench/cost/prices.ts";
import { sumOf, usageOf } from "../../bench/cost/usage.ts";

/** Both Workers in workerd, with real queues and counting bindings: what orders use is counted. */

const CONCURRENCY = 256;

const over = (budgets: Judged[]): string[] =>
  budgets.flatMap(({ what, value, limit, isKept }) =>
    isKept ? [] : [`${what}: ${value}, not ${limit}`],
  );

/** A meter that counts nothing would keep every budget. */
function expectCounted(counted: Counted): void {
  for (const what of ["queue.writes", "queue.reads", "queue.deletes"]) {
    expect(sumOf(counted, what)).toBeGreaterThan(0);
  }
  expect(sumOf(counted, "worker.requests")).toBe(counted.orders);
  expect(sumOf(counted, "object.calls", "OrderDesk")).toBe(counted.orders);
  const usage = usageOf(counted);
  expect(usage.d1RowsWritten).toBeGreaterThanOrEqual(4);
  expect(usage.d1RowsRead).toBeGreaterThan(0);
  // Its lock; what a call moves shares a row of the ledger.
  expect(usage.objectRowsWritten).toBeGreaterThan(1);
}

describe("what a one-line order uses, from its placing to confirmed", () => {
  test.each([
    ["with a key", { hasKeys: true }, LOCKSTOCK],
    ["without a key", { hasKeys: false }, LOCKSTOCK],
    ["with a key, without changes", { hasKeys: true, isOff: true }, LEAN],
  ])("every order alone, %s", async (_, setting, system) => {
    const counted = await countLone(system, { orders: 10, ...setting });
    expectCounted(counted);
    expect(over(judgeLone(counted, setting))).toEqual([]);
  });

  test.each([
    [1_000, "with a key", { hasKeys: true }, LOCKSTOCK],
    [1_000, "without a key", { hasKeys: false }, LOCKSTOCK],
    [4_000, "with a key", { hasKeys: true }, LOCKSTOCK],
    [1_000, "without changes", { hasKeys: true, isOff: true }, LEAN],
  ])("%i orders at full load, %s", async (orders, _, setting, system) => {
    const counted = await countFull(system, { orders, ...setting, concurrency: CONCURRENCY });
    expectCounted(counted);
    expect(over(judgeFull(counted, setting))).toEqual([]);
    // Every order placed exactly once: nothing was retried, so nothing is counted twice.
    expect(sumOf(counted, "queue.reads")).toBe(sumOf(counted, "queue.deletes"));
    console.log(`${orders} orders: $${dollars(usageOf(counted)).toFixed(2)} a million`);
  });

  test("without packed messages and with an index more, the budgets are exceeded", async () => {
    const edit = (text: string): string =>
      text
        .replaceAll("MAX_EVENTS_PER_MESSAGE = 100", "MAX_EVENTS_PER_MESSAGE = 1")
        .replaceAll(
          "DROP INDEX idempotency_keys_by_age;",
          ["status", "updated_at", "placed_at", "revision"]
            .map((column) => `CREATE INDEX more_${column} ON orders (${column});`)
            .join("\n"),
        );
    const stack = { ...LOCKSTOCK.stack, edit };
    const load = { orders: 500, concurrency: CONCURRENCY };
    const counted = await countFull({ ...LOCKSTOCK, stack }, load);
    const exceeded = over(judgeFull(counted, { hasKeys: true })).map((line) => line.split(":")[0]);
    expect(exceeded).toEqual(
      expect.arrayContaining(["D1 rows written", "queue operations", "dollars a million"]),
    );
    expect(dollars(usageOf(counted))).toBeGreaterThan(9);
  });
});
