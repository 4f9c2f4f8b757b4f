import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pack, unpack } from "../../src/contract/envelope.ts";
import { MAX_DELIVERY_ATTEMPTS } from "../../src/contract/limits.ts";
import type { CallItem } from "../../src/stock/coordinator.ts";
import { batchOf, deliver, deliverCounted, ids, watch } from "./consumer-fixtures.ts";
import { capture, counters, event, keepLogs, logged, newOrders, receive } from "./fixtures.ts";

let outcomes: ReturnType<typeof capture>;
let letters: ReturnType<typeof capture>;
let resent: ReturnType<typeof capture>;
beforeEach(() => {
  keepLogs();
  outcomes = capture(env.STOCK_EVENTS);
  letters = capture(env.ORDER_EVENTS_DLQ);
  resent = capture(env.ORDER_EVENTS);
});
afterEach(() => vi.restoreAllMocks());

const placed = (wanted: Record<string, number>) => event("order.placed", newOrders(1)[0]!, wanted);
const types = () => outcomes.events().map(({ type }) => type);

/** The item of this SKU does not answer. */
const absent =
  (missing: string) =>
  (call: CallItem): CallItem =>
  async (sku, commands) => {
    if (sku === missing) throw new Error(`${missing} is absent`);
    return call(sku, commands);
  };

describe("outcomes are sent before their messages are acknowledged", () => {
  test("invariant 7: nothing is acknowledged while the send is under way", async () => {
    await receive("order", 10);
    const batch = batchOf([placed({ order: 1 }), placed({ order: 1 })]);
    const watched = watch(batch);
    let seen: unknown;
    outcomes.sendBatch.mockImplementationOnce(async () => {
      seen = structuredClone(watched);
      return { metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } };
    });
    await deliver(batch);
    expect(seen).toEqual([[], []]);
    expect(watched).toEqual([["ack"], ["ack"]]);
  });

  test("invariant 7: a send that throws retries every message with a delay, and the repeat tells all", async () => {
    await receive("send", 10);
    const bodies = [placed({ send: 1 }), placed({ send: 2 })];
    outcomes.sendBatch.mockRejectedValueOnce(new Error("queue is overloaded"));
    const batch = batchOf(bodies, 3);
    const watched = watch(batch);
    const result = await deliver(batch);
    expect(result.explicitAcks).toEqual([]);
    expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(ids(2));
    for (const [delay_s, ...more] of watched) {
      expect(delay_s).toBeGreaterThanOrEqual(4);
      expect(delay_s).toBeLessThanOrEqual(8);
      expect(more).toEqual([]);
    }

    const again = await deliver(batchOf(bodies, 4));
    expect(again.explicitAcks).toEqual(ids(2));
    expect(types().filter((type) => type === "stock.locked")).toHaveLength(2);
    expect(await counters("send")).toMatchObject({ held: 3 });
  });
});

describe("an item that does not answer", () => {
  test.each([
    [1, 1, 2],
    [4, 8, 16],
    [9, 150, 300],
  ])("retries its message at attempt %i after %i to %i seconds", async (attempts, least, most) => {
    const batch = batchOf([placed({ missing: 1 })], attempts);
    const [calls] = watch(batch);
    await deliverCounted(batch, absent("missing"));
    expect(calls).toHaveLength(1);
    expect(calls?.[0]).toBeGreaterThanOrEqual(least);
    expect(calls?.[0]).toBeLessThanOrEqual(most);
  });

  test("is logged with the reason", async () => {
    await deliverCounted(batchOf([placed({ missing: 1 })]), absent("missing"));
    expect(logged).toContainEqual(
      expect.objectContaining({
        event: "message.retried",
        queue: "order-events",
        messageId: "m0",
        attempts: 1,
        error: "Error: missing is absent",
      }),
    );
  });

  test("leaves its neighbours acknowledged", async () => {
    await receive("present", 10);
    const batch = batchOf([
      placed({ present: 1 }),
      placed({ missing: 1 }),
      placed({ present: 1, missing: 1 }),
      placed({ present: 1 }),
    ]);
    const watched = watch(batch);
    await deliverCounted(batch, absent("missing"));
    const delay = expect.any(Number) as number;
    expect(watched).toEqual([["ack"], [delay], [delay], ["ack"]]);
    expect(types()).toContain("stock.locked");
    expect(types()).not.toContain("stock.refused");
  });

  test("sends the undecided events of a packed message again and acknowledges it", async () => {
    await receive("here", 10);
    const open = [placed({ missing: 1 }), placed({ here: 1, missing: 1 })];
    const events = [placed({ here: 1 }), open[0]!, placed({ here: 1 }), open[1]!];
    const batch = batchOf(pack(events), 2);
    const watched = watch(batch);
    await deliverCounted(batch, absent("missing"));
    expect(watched).toEqual([["ack"]]);
    expect(resent.bodies.map(unpack)).toMatchObject([{ events: open, attempts: 2 }]);
    const [messages] = resent.sendBatch.mock.calls[0]!;
    for (const { delaySeconds } of messages) {
      expect(delaySeconds).toBeGreaterThanOrEqual(2);
      expect(delaySeconds).toBeLessThanOrEqual(4);
    }
  });

  test("invariant 7: a packed message is retried when sending the rest again throws", async () => {
    await receive("rest", 10);
    resent.sendBatch.mockRejectedValueOnce(new Error("queue is overloaded"));
    const batch = batchOf(pack([placed({ rest: 1 }), placed({ missing: 1 })]));
    const watched = watch(batch);
    await deliverCounted(batch, absent("missing"));
    expect(watched).toEqual([[expect.any(Number)]]);
  });

  test("invariant 7: makes a dead letter with the error when the attempts are used up", async () => {
    const body = placed({ missing: 1 });
    const batch = batchOf([body], MAX_DELIVERY_ATTEMPTS);
    const watched = watch(batch);
    await deliverCounted(batch, absent("missing"));
    expect(watched).toEqual([["ack"]]);
    expect(letters.bodies).toMatchObject([
      { body, attempts: MAX_DELIVERY_ATTEMPTS, error: "Error: missing is absent" },
    ]);
  });

  test("attempts go on counting through the messages that are sent again", async () => {
    await receive("counting", 10);
    const batch = batchOf(pack([placed({ counting: 1 }), placed({ missing: 1 })], 8), 1);
    await deliverCounted(batch, absent("missing"));
    const again = batchOf(resent.bodies, 1);
    await deliverCounted(again, absent("missing"));
    expect(letters.bodies).toMatchObject([{ attempts: 10, error: "Error: missing is absent" }]);
  });
});

describe("a breach", () => {
  test("is never acknowledged as done: it is retried, then kept with its reason", async () => {
    const paid = event("order.paid", newOrders(1)[0]!, { breached: 1 });
    const result = await deliver(batchOf([paid]));
    expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(["m0"]);
    // The count of breaches is told, so that operators see it.
    expect(outcomes.events()).toMatchObject([{ type: "stock.level", breaches: 1 }]);

    await deliver(batchOf([paid], MAX_DELIVERY_ATTEMPTS));
    expect(letters.bodies).toMatchObject([
      { body: paid, error: expect.stringMatching(/^breach at breached: commit of /) as string },
    ]);
  });
});

test("invariant 7: a dead letter that cannot be sent leaves its message to be retried", async () => {
  letters.sendBatch.mockRejectedValueOnce(new Error("queue is away"));
  const result = await deliver(batchOf(["hello", "world"]));
  expect(result.explicitAcks).toEqual(["m1"]);
  expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(["m0"]);
});
