import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_ORDERS_PER_LANE_CALL, MAX_SKUS_PER_LEVELS_CALL } from "../../src/contract/limits.ts";
import type { VersionedLevel } from "../../src/contract/stock-events.ts";
import { madeTraceId } from "../../src/contract/trace.ts";
import type { ItemCommand, ItemReply } from "../../src/stock/item/rules.ts";
import { StockApi } from "../../src/stock/stock-api.ts";
import worker from "../../src/stock/worker.ts";
import {
  counters,
  event,
  item,
  keepLogs,
  lock,
  logged,
  newOrders,
  receive,
  FIRST_INCARNATION,
} from "./fixtures.ts";

const api = () => new StockApi(createExecutionContext(), env);

beforeEach(keepLogs);
afterEach(() => vi.restoreAllMocks());

/**
 * Answers for every SKU at once, as a sold-out item does. For calls of many items: on a busy machine
 * the first calls of as many real objects take longer than a call waits for one.
 */
function standInForItems(): void {
  const shortage = { requested: 1, available: 0, reason: "out_of_stock" } as const;
  const soldOut = {
    apply: async (_sku: string, commands: ItemCommand[]): Promise<ItemReply> => ({
      answers: commands.map(({ type }) => {
        return type === "lock" ? { type: "refused", shortage } : { type: "released", shortage };
      }),
    }),
    level: async (sku: string): Promise<VersionedLevel> => ({
      level: { sku, received: 0, available: 0, held: 0, sold: 0 },
      levelVersion: 0,
      breaches: 0,
      at: new Date().toISOString(),
    }),
  };
  vi.spyOn(env.ITEM, "getByName").mockImplementation(() => soldOut as never);
}

/** The stock object of this SKU throws. */
function fail(sku: string): void {
  const getByName = env.ITEM.getByName.bind(env.ITEM);
  vi.spyOn(env.ITEM, "getByName").mockImplementation((name, options) => {
    if (name === sku) throw new Error(`${sku} is overloaded`);
    return getByName(name, options);
  });
}

const WITHIN_MS = 3_000;

describe("execute", () => {
  test("does at once what the queue would do, and answers the outcomes", async () => {
    await receive("lane", 3);
    const [a, b] = newOrders(2) as [string, string];
    const answers = await api().execute(
      [event("order.placed", a, { lane: 2 }), event("order.placed", b, { lane: 2 })],
      WITHIN_MS,
    );
    expect(answers.filter(({ type }) => type !== "stock.level")).toMatchObject([
      { type: "stock.locked", orderId: a },
      { type: "stock.refused", orderId: b, shortages: [{ sku: "lane", available: 1 }] },
    ]);
    expect(await counters("lane")).toMatchObject({ available: 1, held: 2 });
  });

  test("invariant 4: at once with the queue's own run gives one outcome and one hold", async () => {
    await receive("both", 1);
    const [order] = newOrders(1) as [string];
    const placed = event("order.placed", order, { both: 1 });
    const runs = await Promise.all(
      Array.from({ length: 10 }, () => api().execute([placed], WITHIN_MS)),
    );
    const types = runs.flat().flatMap(({ type }) => (type === "stock.level" ? [] : [type]));
    expect(types).toEqual(Array(10).fill("stock.locked"));
    expect(await counters("both")).toMatchObject({ available: 0, held: 1 });
  });

  test("decides orders of more SKUs than one run touches in the same call", async () => {
    // 10 orders of 50 SKUs each, where a run touches 450.
    standInForItems();
    const orders = newOrders(10).map((order, n) =>
      event(
        "order.placed",
        order,
        Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`wide-${n}-${i}`, 1])),
      ),
    );
    const answers = await api().execute(orders, 60_000);
    const decided = answers.filter(({ type }) => type === "stock.refused");
    expect(decided).toHaveLength(10);
  });

  test("leaves out an order that is undecided, and logs why", async () => {
    await receive("here", 5);
    fail("away");
    const [a, b] = newOrders(2) as [string, string];
    const answers = await api().execute(
      [event("order.placed", a, { here: 1, away: 1 }), event("order.placed", b, { here: 1 })],
      WITHIN_MS,
    );
    expect(answers.filter(({ type }) => type !== "stock.level")).toMatchObject([
      { type: "stock.locked", orderId: b },
    ]);
    expect(logged).toContainEqual({
      level: "warn",
      event: "lane.command_undecided",
      type: "order.placed",
      orderId: a,
      traceId: madeTraceId(a),
      error: "Error: away is overloaded",
    });
  });

  test("takes as many orders as its limit, and none of one more", async () => {
    await receive("limit", 1_000);
    const events = newOrders(MAX_ORDERS_PER_LANE_CALL + 1).map((id) =>
      event("order.placed", id, { limit: 1 }),
    );
    await expect(api().execute(events, WITHIN_MS)).rejects.toThrow(RangeError);
    expect(await counters("limit")).toMatchObject({ held: 0 });
    await api().execute(events.slice(1), WITHIN_MS);
    expect(await counters("limit")).toMatchObject({ held: MAX_ORDERS_PER_LANE_CALL });
  });

  test("does nothing for no orders", async () => {
    expect(await api().execute([], WITHIN_MS)).toEqual([]);
  });
});

const rest = {
  breaches: 0,
  paused: false,
  pauseChange: null,
  incarnation: FIRST_INCARNATION,
  at: expect.any(String),
};

describe("levels", () => {
  test("come from the objects themselves, in the order asked", async () => {
    await receive("l1", 1);
    await receive("l2", 2);
    expect(await api().levels(["l2", "l1"])).toEqual([
      {
        level: { sku: "l2", received: 2, available: 2, held: 0, sold: 0 },
        levelVersion: 1,
        ...rest,
      },
      {
        level: { sku: "l1", received: 1, available: 1, held: 0, sold: 0 },
        levelVersion: 1,
        ...rest,
      },
    ]);
  });

  test("of an item that has no stock yet are zero, under its name", async () => {
    expect(await api().levels(["empty"])).toEqual([
      {
        level: { sku: "empty", received: 0, available: 0, held: 0, sold: 0 },
        levelVersion: 0,
        ...rest,
      },
    ]);
  });

  test("leave out what failed", async () => {
    await receive("well", 1);
    fail("ill");
    const levels = await api().levels(["ill", "well"]);
    expect(levels.map(({ level }) => level.sku)).toEqual(["well"]);
    expect(logged).toMatchObject([{ event: "level.read_failed", sku: "ill" }]);
  });

  test("of more SKUs than the limit are refused", async () => {
    standInForItems();
    const skus = Array.from({ length: MAX_SKUS_PER_LEVELS_CALL + 1 }, (_, n) => `n${n}`);
    await expect(api().levels(skus)).rejects.toThrow(RangeError);
    expect(await api().levels(skus.slice(1))).toHaveLength(MAX_SKUS_PER_LEVELS_CALL);
  });
});

describe("adjust and ledger", () => {
  test("reach the item of the SKU", async () => {
    const adjustment = { operationId: "op", delta: 4, reason: "delivery" };
    expect(await api().adjust("reached", adjustment)).toMatchObject({ ok: true, levelVersion: 1 });
    const page = await api().ledger("reached", { before: null, limit: 10 });
    expect(page).toMatchObject({
      movements: [{ seq: 1, kind: "receive", quantity: 4, reason: "delivery" }],
      next: null,
    });
  });

  test.each([
    [0, 1],
    [-5, 1],
    [7, 7],
    [100, 100],
    [1_000, 100],
  ])("a page of %i movements is one of %i", async (limit, count) => {
    const sku = `page${limit}`;
    await receive(sku, 500);
    await item(sku).apply(
      sku,
      newOrders(120).map((id) => lock(id)),
    );
    const { movements } = await api().ledger(sku, { before: null, limit });
    expect(movements).toHaveLength(count);
  });
});

describe("over HTTP", () => {
  test.each([
    ["/healthz", 200],
    ["/", 404],
    ["/v1/items", 404],
  ])("%s answers %i", (path, status) => {
    expect(worker.fetch(new Request(`http://stock${path}`)).status).toBe(status);
  });
});
