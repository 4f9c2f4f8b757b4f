import { createMessageBatch } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pack } from "../../src/contract/envelope.ts";
import { madeTraceId } from "../../src/contract/trace.ts";
import { batchOf, deliver, deliverCounted, ids, watch } from "./consumer-fixtures.ts";
import { capture, counters, event, keepLogs, logged, newOrders, receive } from "./fixtures.ts";

let outcomes: ReturnType<typeof capture>;
let letters: ReturnType<typeof capture>;
beforeEach(() => {
  keepLogs();
  outcomes = capture(env.STOCK_EVENTS);
  letters = capture(env.ORDER_EVENTS_DLQ);
});
afterEach(() => vi.restoreAllMocks());

const told = () => outcomes.events().filter(({ type }) => type !== "stock.level");
const onOne = (sku: string, count: number) =>
  newOrders(count).map((id) => event("order.placed", id, { [sku]: 1 }));

describe("a batch of order events", () => {
  test("budget: 100 messages on one SKU make one stock-object call and one send", async () => {
    await receive("hot", 60);
    const batch = batchOf(onOne("hot", 100));
    const watched = watch(batch);
    const calls = await deliverCounted(batch, (call) => call);
    expect(calls).toEqual(["hot"]);
    expect(outcomes.sendBatch).toHaveBeenCalledTimes(1);
    expect(watched).toEqual(Array(100).fill(["ack"]));
    expect(told().filter(({ type }) => type === "stock.locked")).toHaveLength(60);
    expect(told().filter(({ type }) => type === "stock.refused")).toHaveLength(40);
    expect(await counters("hot")).toEqual({ received: 60, available: 0, held: 60, sold: 0 });
  });

  test("budget: packed messages on one SKU make one stock-object call as well", async () => {
    await receive("packed", 500);
    const events = onOne("packed", 250);
    const calls = await deliverCounted(batchOf(pack(events)), (call) => call);
    expect(calls).toEqual(["packed"]);
    expect(told()).toHaveLength(250);
  });

  test("is acknowledged message by message, never as a whole", async () => {
    await receive("explicit", 10);
    const result = await deliver(batchOf(onOne("explicit", 3)));
    expect(result).toMatchObject({
      outcome: "ok",
      ackAll: false,
      explicitAcks: ids(3),
      retryMessages: [],
      retryBatch: { retry: false },
    });
  });

  test("takes an order through lock, commit and release, and tells each outcome", async () => {
    await receive("life", 10);
    const [kept, dropped] = newOrders(2) as [string, string];
    const lines = { life: 2 };
    await deliver(
      batchOf([event("order.placed", kept, lines), event("order.placed", dropped, lines)]),
    );
    await deliver(
      batchOf([event("order.paid", kept, lines), event("order.cancelled", dropped, lines)]),
    );
    expect(told().map(({ id }) => id)).toEqual([
      `stock.locked:${kept}`,
      `stock.locked:${dropped}`,
      `stock.committed:${kept}`,
      `stock.released:${dropped}`,
    ]);
    expect(await counters("life")).toEqual({ received: 10, available: 8, held: 0, sold: 2 });
  });

  test("invariant 7: delivered again, at once or later, tells the same and moves nothing", async () => {
    await receive("again", 10);
    const bodies = onOne("again", 2);
    await deliver(batchOf([...bodies, ...bodies]));
    await deliver(batchOf(bodies, 2));
    expect(await counters("again")).toMatchObject({ available: 8, held: 2 });
    expect(new Set(told().map(({ id }) => id)).size).toBe(2);
    expect(told()).toHaveLength(6);
  });

  test("invariant 6: a cancel that comes before its order leaves nothing held", async () => {
    await receive("early", 10);
    const [order] = newOrders(1) as [string];
    await deliver(batchOf([event("order.cancelled", order, { early: 1 })]));
    await deliver(batchOf([event("order.placed", order, { early: 1 })]));
    expect(told()).toMatchObject([
      { type: "stock.released", orderId: order },
      { type: "stock.refused", orderId: order, shortages: [] },
    ]);
    expect(await counters("early")).toMatchObject({ available: 10, held: 0 });
  });

  test("invariant 5: an order with one short line holds nothing at the others", async () => {
    await receive("full", 10);
    await receive("short", 1);
    const [order] = newOrders(1) as [string];
    await deliver(batchOf([event("order.placed", order, { full: 2, short: 2 })]));
    expect(told()).toMatchObject([
      {
        type: "stock.refused",
        orderId: order,
        shortages: [{ sku: "short", requested: 2, available: 1, reason: "out_of_stock" }],
      },
    ]);
    expect(await counters("full")).toMatchObject({ available: 10, held: 0 });
  });

  test("is logged in one line with its figures", async () => {
    await receive("logged", 10);
    const [older, ...events] = onOne("logged", 3);
    const named = events.map((event, i) => ({ ...event, traceId: `${i + 1}`.repeat(32) }));
    const traceIds = [madeTraceId(older!.orderId), ...named.map((event) => event.traceId)];
    const traceId = traceIds.join(" ");
    await deliver(batchOf([older!, ...named]));
    expect(logged).toEqual([
      { level: "info", event: "item.commands_applied", sku: "logged", commands: 3, traceId },
      {
        level: "info",
        event: "stock.batch_decided",
        events: 3,
        outcomes: 3,
        undecided: 0,
        tookMs: expect.any(Number) as number,
        traceId,
      },
    ]);
  });
});

describe("a batch of a queue that the var does not name", () => {
  test("is retried and logged, and no event of it is decided", async () => {
    await receive("foreign", 10);
    const batch = createMessageBatch(
      "stock-events",
      onOne("foreign", 2).map((body, n) => ({
        id: `m${n}`,
        timestamp: new Date(),
        attempts: 1,
        body,
      })),
    );
    const watched = watch(batch);
    await deliver(batch);
    expect(watched).toEqual([[300], [300]]);
    expect(logged).toEqual([
      { level: "error", event: "queue.unrecognized", queue: "stock-events", messages: 2 },
    ]);
    expect(await counters("foreign")).toMatchObject({ held: 0 });
    expect([outcomes.bodies, letters.bodies]).toEqual([[], []]);
  });
});

describe("what cannot be decoded", () => {
  const [order] = newOrders(1) as [string];
  const good = event("order.placed", order, { neighbour: 1 });

  test.each([
    ["no event at all", "hello"],
    ["an event of an unknown version", { ...good, version: 2 }],
    ["an event of an unknown type", { ...good, type: "order.lost" }],
    ["an event without lines", { ...good, lines: [] }],
    ["a packed message of an unknown version", { ...packed([good]), version: 9 }],
  ])("goes to the dead letters at once and is acknowledged: %s", async (_, body) => {
    const result = await deliver(batchOf([body], 4));
    expect(result).toMatchObject({ explicitAcks: ["m0"], retryMessages: [] });
    expect(letters.bodies).toEqual([
      {
        type: "dead-letter",
        version: 1,
        id: "m0:0",
        queue: "order-events",
        body,
        attempts: 4,
        error: expect.stringMatching(/^cannot be decoded: ./) as string,
        at: expect.stringMatching(/Z$/) as string,
      },
    ]);
    expect(told()).toEqual([]);
  });

  test("does not stop its neighbours, in the batch or in its own message", async () => {
    await receive("neighbour", 10);
    const [other] = newOrders(1) as [string];
    const beside = event("order.placed", other, { neighbour: 1 });
    const result = await deliver(batchOf([packed([{ odd: true }, good]), "hello", beside]));
    expect(result.explicitAcks.toSorted()).toEqual(ids(3));
    expect(told().map(({ type }) => type)).toEqual(["stock.locked", "stock.locked"]);
    expect(letters.bodies).toMatchObject([
      { id: "m0:0", body: { odd: true } },
      { id: "m1:0", body: "hello" },
    ]);
  });

  function packed(events: unknown[]) {
    const at = new Date().toISOString();
    return { type: "batch", version: 1, id: "batch:1", at, attempts: 0, events };
  }
});
