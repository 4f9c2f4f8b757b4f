import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { DeadLetter } from "../../src/contract/dead-letter.ts";
import { app } from "../../src/orders/http/app.ts";
import { commandOf } from "../../src/orders/order/order.ts";
import worker from "../../src/orders/worker.ts";
import { levelOf, locked, orderNow, pendingOrder } from "./support/data.ts";
import { ACKED, batchOf, fakeQueue } from "./support/queue.ts";
import { envWith, migrate, operatorToken, requestFor, rowCounts } from "./support/worker.ts";

/** Queues as an environment may name them: none of the names says what the queue is for. */
const NAMES = {
  ORDER_EVENTS_QUEUE: "a-staging",
  ORDER_EVENTS_DLQ_QUEUE: "order-events-dlq-staging",
  STOCK_EVENTS_QUEUE: "x-dlq",
  STOCK_EVENTS_DLQ_QUEUE: "b-staging",
} as const;

beforeAll(migrate);
beforeEach(() => env.DB.prepare("DELETE FROM dead_letters").run());

async function deliver(queue: string, bodies: unknown[]) {
  const { batch, ended } = batchOf(
    queue,
    bodies.map((body, i) => ({ body, id: `m${i}` })),
  );
  await worker.queue(batch, envWith(NAMES));
  return ended;
}

async function list(): Promise<DeadLetter[]> {
  const request = requestFor("GET", "/v1/dead-letters", { token: await operatorToken() });
  const { deadLetters }: { deadLetters: DeadLetter[] } = await (
    await app.fetch(request, env)
  ).json();
  return deadLetters;
}

describe("what a queue is", () => {
  it.each([
    [NAMES.ORDER_EVENTS_DLQ_QUEUE, NAMES.ORDER_EVENTS_QUEUE],
    [NAMES.STOCK_EVENTS_DLQ_QUEUE, NAMES.STOCK_EVENTS_QUEUE],
  ])("the vars say: %s holds dead letters of %s", async (dead, queue) => {
    const { id } = await pendingOrder();
    expect(await deliver(dead, [locked(id)])).toEqual([ACKED]);
    expect(await list()).toMatchObject([{ id: "m0", queue, error: "retries exhausted" }]);
    expect((await orderNow(id)).status).toBe("pending");
  });

  it("the vars say: stock events come from a queue with any name", async () => {
    const { id } = await pendingOrder();
    expect(await deliver(NAMES.STOCK_EVENTS_QUEUE, [locked(id)])).toEqual([ACKED]);
    expect((await orderNow(id)).status).toBe("confirmed");
  });

  it.each(["stock-events", "order-events-dlq", NAMES.ORDER_EVENTS_QUEUE, ""])(
    "is unknown when no var names it: %j is retried, logged and not consumed",
    async (queue) => {
      const logged = vi.spyOn(console, "error").mockImplementation(() => {});
      const { id } = await pendingOrder();
      const before = await rowCounts();
      const ended = await deliver(queue, [locked(id), "junk"]);
      expect(ended).toEqual([300, 300].map((delay) => ({ acks: 0, retries: [delay] })));
      expect(await rowCounts()).toEqual(before);
      expect((await orderNow(id)).status).toBe("pending");
      expect(logged.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
        { level: "error", event: "queue.unrecognized", queue, messages: 2 },
      ]);
      logged.mockRestore();
    },
  );
});

describe("replaying decides by what the letter holds, else by its queue", () => {
  it.each([
    ["an event of an unknown type, by its prefix", { type: "order.lost" }, "gone", [1, 0]],
    ["a level", levelOf("S", 1, 1), "gone", [0, 1]],
    ["a stock event from the wrong queue", levelOf("S", 1, 1), NAMES.ORDER_EVENTS_QUEUE, [0, 1]],
    ["junk of the order events", "junk", NAMES.ORDER_EVENTS_QUEUE, [1, 0]],
    ["junk of the stock events", "junk", NAMES.STOCK_EVENTS_QUEUE, [0, 1]],
    ["junk of a queue that no var names", "junk", "gone", null],
  ] as const)("%s", async (_, body, queue, sent) => {
    await env.DB.prepare("INSERT INTO dead_letters VALUES ('m0', ?, ?, 1, 'broken', 1)")
      .bind(queue, JSON.stringify(body))
      .run();
    const [toOrders, toStock] = [fakeQueue(), fakeQueue()];
    const fakes = { ...NAMES, ORDER_EVENTS: toOrders.queue, STOCK_EVENTS: toStock.queue };
    const request = requestFor("POST", "/v1/dead-letters/m0/replay", {
      token: await operatorToken(),
    });
    const response = await app.fetch(request, envWith(fakes));
    expect(response.status).toBe(sent ? 200 : 400);
    expect([toOrders.sent.length, toStock.sent.length]).toEqual(sent ?? [0, 0]);
    expect(await list()).toHaveLength(sent ? 0 : 1);
  });

  it("an order event of any queue has its order looked at", async () => {
    const order = await pendingOrder();
    await env.DB.prepare("INSERT INTO dead_letters VALUES ('m0', 'gone', ?, 1, 'broken', 1)")
      .bind(JSON.stringify(commandOf(order, "lock", Date.now())))
      .run();
    const request = requestFor("POST", "/v1/dead-letters/m0/replay", {
      token: await operatorToken(),
    });
    expect(await (await app.fetch(request, envWith(NAMES))).json()).toMatchObject({
      outcome: "reconciled",
    });
    expect((await orderNow(order.id)).dueAt_ms).toBeLessThanOrEqual(Date.now());
  });
});
