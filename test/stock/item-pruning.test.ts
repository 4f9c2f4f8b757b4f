import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import {
  AHEAD_MS,
  apply,
  armedAt,
  capture,
  commit,
  counters,
  DAY_MS,
  daysUntil,
  fire,
  item,
  keepLogs,
  ledger,
  lock,
  lockCount,
  newOrders,
  receive,
  release,
  replay,
  rows,
  setTime,
} from "./fixtures.ts";

const T0 = Date.now() + AHEAD_MS;
const RETENTION_MS = 30 * DAY_MS;
const LEDGER_RETENTION_MS = 365 * DAY_MS;

beforeEach(() => {
  keepLogs();
  capture(env.STOCK_EVENTS);
  setTime(T0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

async function alarmAt(sku: string, now_ms: number): Promise<void> {
  await daysUntil(sku, T0, now_ms);
}

/** Runs the alarm until it has nothing left to prune today; how many steps that took. */
async function pruneAll(sku: string, from_ms: number): Promise<number> {
  let now_ms = from_ms;
  for (let steps = 1; steps <= 20; steps++) {
    await alarmAt(sku, now_ms);
    const next_ms = await armedAt(sku);
    if (next_ms === null) throw new Error("the alarm is not armed");
    if (next_ms - now_ms > 60_000) return steps;
    now_ms = next_ms;
  }
  throw new Error("pruning does not end");
}

async function oneOfEach(sku: string) {
  await receive(sku, 100);
  const [held, sold, released, refused, buried] = newOrders(5) as [
    string,
    string,
    string,
    string,
    string,
  ];
  await apply(sku, lock(held), lock(sold), lock(released), lock(refused, { quantity: 1000 }));
  await apply(sku, commit(sold), release(released), release(buried));
  return { held, sold, released, refused, buried };
}

describe("past the retention", () => {
  test("nothing is forgotten before it", async () => {
    const orders = await oneOfEach("before");
    await alarmAt("before", T0 + RETENTION_MS - 1);
    expect(await lockCount("before")).toBe(5);
    expect(await apply("before", lock(orders.released))).toEqual(["refused"]);
  });

  test("ended locks and tombstones go, a hold stays, and the counters do not move", async () => {
    const { held } = await oneOfEach("after");
    await alarmAt("after", T0 + RETENTION_MS + 1);
    expect(await rows("after", "SELECT order_id, state FROM locks")).toEqual([
      { order_id: held, state: "held" },
    ]);
    expect(await counters("after")).toEqual({ received: 100, available: 98, held: 1, sold: 1 });
    expect(replay(await ledger("after"))).toEqual(await counters("after"));
  });

  test("a hold that is older than the watermark is still repeated, sold and released", async () => {
    await receive("old", 10);
    const [a, b] = newOrders(2) as [string, string];
    await apply("old", lock(a), lock(b));
    await alarmAt("old", T0 + RETENTION_MS + DAY_MS);
    expect(await apply("old", lock(a), commit(a), release(b))).toEqual([
      "locked",
      "committed",
      "released",
    ]);
    expect(await counters("old")).toEqual({ received: 10, available: 9, held: 0, sold: 1 });
  });

  test("an old order that ended only lately is still remembered", async () => {
    await receive("lately", 10);
    const [order] = newOrders(1) as [string];
    await apply("lately", lock(order));
    setTime(T0 + RETENTION_MS);
    await apply("lately", release(order));
    await alarmAt("lately", T0 + RETENTION_MS + DAY_MS);
    expect(await rows("lately", "SELECT state FROM locks")).toEqual([{ state: "released" }]);
    expect(await apply("lately", lock(order))).toEqual(["refused"]);
  });

  test.each(["sold", "released", "refused", "buried", "unknown"] as const)(
    "invariant 6: a late lock of an order that was %s takes nothing and leaves no row",
    async (was) => {
      const sku = `forgotten-${was}`;
      const orders = { ...(await oneOfEach(sku)), unknown: newOrderId(T0) };
      await alarmAt(sku, T0 + RETENTION_MS + 1);
      const before = await counters(sku);
      const { answers } = await item(sku).apply(sku, [lock(orders[was], { quantity: 2 })]);
      expect(answers).toEqual([
        { type: "refused", shortage: { requested: 2, available: 98, reason: "expired" } },
      ]);
      expect(await apply(sku, release(orders[was]))).toEqual(["released"]);
      expect(await apply(sku, commit(orders[was]))).toEqual(["breach"]);
      expect(await lockCount(sku)).toBe(1);
      expect(await counters(sku)).toEqual(before);
    },
  );

  test("an order that is younger than the watermark is locked as ever", async () => {
    await oneOfEach("young");
    await alarmAt("young", T0 + RETENTION_MS + DAY_MS);
    const [order] = newOrders(1, T0 + DAY_MS) as [string];
    expect(await apply("young", lock(order))).toEqual(["locked"]);
  });

  test("a refusal alone arms the alarm that prunes it", async () => {
    const [order] = newOrders(1) as [string];
    expect(await apply("never-stocked", lock(order))).toEqual(["refused"]);
    // First it puts itself into the index, since it had no stock before.
    expect(await armedAt("never-stocked")).toBe(T0 + 1_500);
    await fire("never-stocked");
    expect(await armedAt("never-stocked")).toBe(T0 + DAY_MS);
    await alarmAt("never-stocked", T0 + RETENTION_MS + 1);
    expect(await lockCount("never-stocked")).toBe(0);
  });

  test("an operation is forgotten, so its id counts anew", async () => {
    const adjustment = { operationId: "op", delta: 5, reason: "count" };
    await item("operations").adjust("operations", adjustment);
    await alarmAt("operations", T0 + RETENTION_MS - 1);
    await item("operations").adjust("operations", adjustment);
    expect(await counters("operations")).toMatchObject({ received: 5 });
    await alarmAt("operations", T0 + RETENTION_MS + 2 * DAY_MS);
    await item("operations").adjust("operations", adjustment);
    expect(await counters("operations")).toMatchObject({ received: 10 });
  });
});

describe("pruning goes in bounded steps", () => {
  test("through many locks, holds among them, until all ended ones are gone", async () => {
    await receive("many", 2_000);
    const orders = newOrders(1_200);
    await apply("many", ...orders.map((id) => lock(id)));
    await apply("many", ...orders.filter((_, n) => n % 10 > 0).map(release));
    const steps = await pruneAll("many", T0 + RETENTION_MS + 1);
    expect(steps).toBeGreaterThanOrEqual(3);
    expect(await lockCount("many")).toBe(120);
    expect(await counters("many")).toMatchObject({ held: 120 });
  });

  test("of at most 500 locks, a second apart", async () => {
    await apply("step", ...newOrders(1_200).map(release));
    await alarmAt("step", T0 + RETENTION_MS + 1);
    expect(await lockCount("step")).toBe(700);
    expect(await armedAt("step")).toBe(T0 + RETENTION_MS + 1 + 1_000);
  });

  test("once a day when there is nothing left", async () => {
    await receive("idle", 5);
    await alarmAt("idle", T0 + DAY_MS);
    expect(await armedAt("idle")).toBe(T0 + 2 * DAY_MS);
  });
});

describe("the ledger", () => {
  test("invariant 1: folds into one opening balance that still replays, within one day", async () => {
    await receive("folded", 2_000);
    const orders = newOrders(700);
    await apply("folded", ...orders.map((id) => lock(id)));
    await apply("folded", ...orders.slice(0, 500).map(commit), ...orders.slice(600).map(release));
    const before = await counters("folded");

    await pruneAll("folded", T0 + LEDGER_RETENTION_MS + 1);
    const movements = await ledger("folded");
    expect(movements).toMatchObject([
      { kind: "opening", quantity: 2_000, orderId: null, operationId: null, reason: null },
    ]);
    expect(replay(movements)).toEqual(before);
    expect(await counters("folded")).toEqual(before);
  });

  test("folds 500 rows a step", async () => {
    await receive("long", 1);
    await rows(
      "long",
      `WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 1200)
       INSERT INTO movements (seq, kind, quantity, order_id, operation_id, reason, at, available, held,
         sold, earlier) SELECT i, 'receive', 1, NULL, 'op', 'count', ${T0}, i, 0, 0, NULL FROM n`,
    );
    await alarmAt("long", T0 + LEDGER_RETENTION_MS + 1);
    expect((await ledger("long")).map(({ seq }) => seq)[0]).toBe(500);
    expect(await armedAt("long")).toBe(T0 + LEDGER_RETENTION_MS + 1 + 1_000);
    await pruneAll("long", T0 + LEDGER_RETENTION_MS + 2_000);
    expect(await ledger("long")).toMatchObject([{ seq: 1_200, kind: "opening", quantity: 1_200 }]);
  });

  test("has nothing before its opening balance, even one that an older version folded", async () => {
    await receive("rolled back", 10);
    await apply("rolled back", ...newOrders(3).map((id) => lock(id)));
    await rows("rolled back", "DELETE FROM movements WHERE seq = 1");
    await rows("rolled back", "UPDATE movements SET kind = 'opening', quantity = 10");
    expect(await ledger("rolled back")).toMatchObject([{ seq: 4, kind: "opening" }]);
  });

  test("keeps what is younger, and goes on after its opening balance", async () => {
    await receive("mixed", 10);
    await apply("mixed", lock(newOrders(1)[0]!));
    const later_ms = T0 + LEDGER_RETENTION_MS;
    setTime(later_ms);
    const [order] = newOrders(1) as [string];
    await apply("mixed", lock(order, { quantity: 2 }));
    await pruneAll("mixed", later_ms + 1);
    await apply("mixed", commit(order));
    const movements = await ledger("mixed");
    expect(movements.map(({ kind }) => kind)).toEqual(["opening", "lock", "commit"]);
    expect(replay(movements)).toEqual(await counters("mixed"));

    await pruneAll("mixed", later_ms + LEDGER_RETENTION_MS + DAY_MS);
    expect((await ledger("mixed")).map(({ kind }) => kind)).toEqual(["opening"]);
    expect(replay(await ledger("mixed"))).toEqual(await counters("mixed"));
  });
});
