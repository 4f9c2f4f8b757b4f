import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { StockIndex } from "../../src/stock/stock-index.ts";
import {
  AHEAD_MS,
  apply,
  armedAt,
  capture,
  DAY_MS,
  item,
  keepLogs,
  lock,
  logged,
  newOrders,
  receive,
  release,
  setTime,
  FIRST_INCARNATION,
} from "./fixtures.ts";

const T0 = Date.now() + AHEAD_MS;

let told: ReturnType<typeof capture>;
beforeEach(() => {
  keepLogs();
  told = capture(env.STOCK_EVENTS);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** Locks one unit; the level that the reply tells, if any. */
async function lockOne(sku: string) {
  const { level } = await item(sku).apply(sku, [lock(newOrders(1)[0]!)]);
  return level;
}

async function stocked(sku: string) {
  setTime(T0 - 60_000);
  await receive(sku, 100);
  setTime(T0);
}

describe("a reply tells the level", () => {
  test("when it changed, with all its figures", async () => {
    await stocked("told");
    expect(await lockOne("told")).toEqual({
      level: { sku: "told", received: 100, available: 99, held: 1, sold: 0 },
      levelVersion: 2,
      breaches: 0,
      paused: false,
      incarnation: FIRST_INCARNATION,
      at: new Date(T0).toISOString(),
    });
  });

  test("at most once a second, and again after it", async () => {
    await stocked("often");
    expect(await lockOne("often")).toBeDefined();
    for (const after_ms of [0, 1, 500, 999]) {
      setTime(T0 + after_ms);
      expect(await lockOne("often")).toBeUndefined();
    }
    setTime(T0 + 1_000);
    expect(await lockOne("often")).toMatchObject({ level: { available: 94 }, levelVersion: 7 });
  });

  test("not within a second of the adjustment whose reply told it", async () => {
    setTime(T0);
    await receive("adjusted", 5);
    expect(await lockOne("adjusted")).toBeUndefined();
    expect(await armedAt("adjusted")).toBe(T0 + 1_500);
  });

  test("in its second even while copies of an old adjustment keep coming", async () => {
    setTime(T0 - 60_000);
    const adjustment = { operationId: "op", delta: 5, reason: "count" };
    await item("copies").adjust("copies", adjustment);
    setTime(T0);
    expect(await lockOne("copies")).toBeDefined();
    for (const after_ms of [500, 900]) {
      setTime(T0 + after_ms);
      await item("copies").adjust("copies", adjustment);
    }
    setTime(T0 + 1_000);
    expect(await lockOne("copies")).toMatchObject({ level: { available: 3 } });
  });

  test("not when nothing moved: a refusal, a tombstone and a repeat", async () => {
    await stocked("still");
    const [order, unknown] = newOrders(2) as [string, string];
    await apply("still", lock(order));
    setTime(T0 + 5_000);
    const commands = [lock(order), lock(unknown, { quantity: 1000 }), release(newOrders(1)[0]!)];
    const { answers, level } = await item("still").apply("still", commands);
    expect(answers.map(({ type }) => type)).toEqual(["locked", "refused", "released"]);
    expect(level).toBeUndefined();
  });

  test("with a version that grows by one for each call that changed it", async () => {
    await stocked("version");
    const versions: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) {
      setTime(T0 + i * 1_000);
      versions.push((await lockOne("version"))?.levelVersion);
      await item("version").apply("version", [lock(newOrders(1)[0]!, { quantity: 1000 })]);
    }
    expect(versions).toEqual([2, 3, 4, 5]);
  });
});

test("a level that was told while the clock ran ahead keeps no later one back", async () => {
  await stocked("ahead");
  setTime(T0 + 3_600_000);
  expect(await lockOne("ahead")).toBeDefined();
  setTime(T0);
  expect(await lockOne("ahead")).toBeDefined();
});

describe("the alarm", () => {
  test("invariant 10: tells the level that was held back, once and as it stands", async () => {
    await stocked("trailing");
    await lockOne("trailing");
    for (let i = 0; i < 3; i++) await lockOne("trailing");
    expect(await armedAt("trailing")).toBe(T0 + 1_500);

    setTime(T0 + 1_500);
    expect(await runDurableObjectAlarm(item("trailing"))).toBe(true);
    expect(told.events()).toMatchObject([
      {
        type: "stock.level",
        id: "stock.level:trailing:5",
        sku: "trailing",
        level: { available: 96, held: 4 },
        levelVersion: 5,
      },
    ]);
    await runDurableObjectAlarm(item("trailing"));
    expect(told.events()).toHaveLength(1);
  });

  test("counts as a telling: the next change waits its second", async () => {
    await stocked("after");
    await lockOne("after");
    await lockOne("after");
    setTime(T0 + 1_500);
    await runDurableObjectAlarm(item("after"));
    setTime(T0 + 2_000);
    expect(await lockOne("after")).toBeUndefined();
    expect(await armedAt("after")).toBe(T0 + 3_000);
  });

  test("sends nothing for a busy item, whose next reply tells it for free", async () => {
    await stocked("busy");
    await lockOne("busy");
    await lockOne("busy");
    setTime(T0 + 1_100);
    expect(await lockOne("busy")).toBeDefined();
    setTime(T0 + 1_200);
    expect(await lockOne("busy")).toBeUndefined();

    setTime(T0 + 1_500);
    await runDurableObjectAlarm(item("busy"));
    expect(told.events()).toEqual([]);
    expect(await armedAt("busy")).toBe(T0 + 1_100 + 1_500);

    setTime(T0 + 2_600);
    await runDurableObjectAlarm(item("busy"));
    expect(told.events()).toMatchObject([{ sku: "busy", levelVersion: 5 }]);
    expect(await armedAt("busy")).toBeGreaterThan(T0 + DAY_MS / 2);
  });

  test("is armed again and tells later when the queue fails, without throwing", async () => {
    await stocked("failing");
    await lockOne("failing");
    await lockOne("failing");
    told.sendBatch.mockRejectedValueOnce(new Error("queue is overloaded"));
    setTime(T0 + 1_000);
    await runDurableObjectAlarm(item("failing"));
    expect(logged).toContainEqual({
      level: "error",
      event: "item.alarm_failed",
      sku: "failing",
      error: "Error: queue is overloaded",
    });
    expect(told.events()).toEqual([]);
    expect(await armedAt("failing")).toBe(T0 + 6_000);

    setTime(T0 + 6_000);
    await runDurableObjectAlarm(item("failing"));
    expect(told.events()).toMatchObject([{ levelVersion: 3 }]);
  });

  test("tells the level of an item of an earlier version though the index does not answer", async () => {
    await stocked("unlisted");
    await lockOne("unlisted");
    await lockOne("unlisted");
    await runInDurableObject(item("unlisted"), (_it, { storage }) => {
      storage.sql.exec("UPDATE item SET listed = 0");
    });
    const add = vi.spyOn(StockIndex.prototype, "add").mockImplementation(() => {
      throw new Error("the index is away");
    });
    setTime(T0 + 1_500);
    await runDurableObjectAlarm(item("unlisted"));
    expect(told.events()).toMatchObject([{ sku: "unlisted", levelVersion: 3 }]);
    expect(await armedAt("unlisted")).toBe(T0 + 6_500);

    add.mockRestore();
    setTime(T0 + 6_500);
    await runDurableObjectAlarm(item("unlisted"));
    expect(await armedAt("unlisted")).toBeGreaterThan(T0 + DAY_MS / 2);
    const isListed = await runInDurableObject(item("unlisted"), (_it, { storage }) =>
      storage.sql.exec("SELECT listed FROM item").one(),
    );
    expect(isListed).toEqual({ listed: 1 });
  });

  test("does not forget what a reply told while its message was sent", async () => {
    await stocked("overtaken");
    await lockOne("overtaken");
    await lockOne("overtaken");
    setTime(T0 + 1_500);
    told.sendBatch.mockImplementationOnce(async () => {
      setTime(T0 + 1_800);
      await runInDurableObject(item("overtaken"), async (instance) => {
        expect((await instance.apply("overtaken", [lock(newOrders(1)[0]!)])).level).toBeDefined();
      });
      return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
    });
    await runDurableObjectAlarm(item("overtaken"));
    setTime(T0 + 2_700);
    expect(await lockOne("overtaken")).toBeUndefined();
  });

  test("tells once more after an eviction, which forgets what was told", async () => {
    await stocked("forgetful");
    await lockOne("forgetful");
    await lockOne("forgetful");
    await evictDurableObject(item("forgetful"));
    setTime(T0 + 1_000);
    await runDurableObjectAlarm(item("forgetful"));
    expect(told.events()).toMatchObject([{ sku: "forgetful", levelVersion: 3 }]);
  });

  test("that rings before its time is armed again", async () => {
    await stocked("early");
    await lockOne("early");
    await runDurableObjectAlarm(item("early"));
    expect(await armedAt("early")).toBeGreaterThan(T0);
  });

  test("is asked of the storage once, not by each call", async () => {
    await stocked("asked");
    await lockOne("asked");
    const asked = await runInDurableObject(item("asked"), async (instance, { storage }) => {
      const getAlarm = vi.spyOn(storage, "getAlarm");
      for (const order of newOrders(3)) await instance.apply("asked", [lock(order)]);
      return getAlarm.mock.calls.length;
    });
    expect(asked).toBe(1);
  });

  test("that is overdue counts as lost and is armed anew by the next change", async () => {
    await stocked("stuck");
    setTime(T0 + 2 * DAY_MS);
    await lockOne("stuck");
    expect(await armedAt("stuck")).toBe(T0 + 3 * DAY_MS);
  });

  test("fires by itself on the real clock", { timeout: 15_000 }, async () => {
    vi.useRealTimers();
    await receive("clock", 5);
    await lockOne("clock");
    await vi.waitFor(
      () => expect(told.events()).toMatchObject([{ sku: "clock", level: { available: 4 } }]),
      { timeout: 10_000, interval: 50 },
    );
  });
});
