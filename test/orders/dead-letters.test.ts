import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import type { DeadLetter } from "../../src/contract/dead-letter.ts";
import { pack } from "../../src/contract/envelope.ts";
import { storeDeadLetters } from "../../src/orders/dead-letters/dead-letters.sql.ts";
import { app } from "../../src/orders/http/app.ts";
import { commandOf } from "../../src/orders/order/order.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import worker from "../../src/orders/worker.ts";
import { SEND_TIMEOUT_MS } from "../../src/runtime/queue-producer.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { levelOf, locked, orderNow, pendingOrder, portsWith } from "./support/data.ts";
import { ACKED, batchOf, fakeQueue } from "./support/queue.ts";
import {
  call,
  envWith,
  migrate,
  operatorToken,
  problemOf,
  requestFor,
  rowCounts,
  tokenFor,
} from "./support/worker.ts";

beforeAll(migrate);
beforeEach(async () => {
  await env.DB.batch(
    ["dead_letters", "orders"].map((table) => env.DB.prepare(`DELETE FROM ${table}`)),
  );
});

interface Page {
  deadLetters: DeadLetter[];
  nextCursor: string | null;
}

async function list(query = ""): Promise<Page> {
  const response = await call("GET", `/v1/dead-letters${query}`, { token: await operatorToken() });
  expect(response.status).toBe(200);
  return response.json();
}

const letterWith = (own: Partial<DeadLetter>): DeadLetter => ({
  id: "m",
  queue: "stock-events",
  body: 1,
  attempts: 10,
  error: "broken",
  at: "2026-05-04T03:02:01.000Z",
  ...own,
});

async function keep(queue: string, messages: Parameters<typeof batchOf>[1]) {
  const { batch, ended } = batchOf(queue, messages);
  await worker.queue(batch, env);
  return ended;
}

async function replay(id: string, fakes: Parameters<typeof envWith>[0] = {}): Promise<Response> {
  const path = `/v1/dead-letters/${encodeURIComponent(id)}/replay`;
  return app.fetch(requestFor("POST", path, { token: await operatorToken() }), envWith(fakes));
}

describe("the consumers of the dead-letter queues", () => {
  it.each(["order-events", "stock-events"])(
    "keep what the platform gave up on in %s",
    async (queue) => {
      const timestamp = new Date("2026-05-04T03:02:01Z");
      const ended = await keep(`${queue}-dlq`, [
        { id: "m1", body: { any: 1 }, attempts: 3, timestamp },
      ]);
      expect(ended).toEqual([ACKED]);
      expect((await list()).deadLetters).toEqual([
        {
          id: "m1",
          queue,
          body: { any: 1 },
          attempts: 3,
          error: "retries exhausted",
          at: "2026-05-04T03:02:01.000Z",
        },
      ]);
    },
  );

  it("keep what the stock Worker sent with its error as it is", async () => {
    const letter: DeadLetter = {
      id: "m2:0",
      queue: "order-events",
      body: "junk",
      attempts: 10,
      error: "cannot be decoded",
      at: "2026-05-04T03:02:01.000Z",
    };
    const body = { type: "dead-letter", version: 1, ...letter };
    expect(await keep("order-events-dlq", [{ body }])).toEqual([ACKED]);
    expect((await list()).deadLetters).toEqual([letter]);
  });

  it("keep a message that comes twice once", async () => {
    await keep("stock-events-dlq", [{ id: "m1", body: 1 }]);
    expect(await keep("stock-events-dlq", [{ id: "m1", body: 1 }])).toEqual([ACKED]);
    expect((await list()).deadLetters).toHaveLength(1);
  });

  it("invariant 7: retry what cannot be stored, and lose nothing", async () => {
    const { batch, ended } = batchOf("stock-events-dlq", [{ body: 1 }, { body: 2 }]);
    await worker.queue(batch, envWith({ DB: brokenDb(env.DB) }));
    expect(ended.map(({ acks, retries }) => [acks, retries.length])).toEqual([
      [0, 1],
      [0, 1],
    ]);
    for (const delay of ended.flatMap(({ retries }) => retries)) {
      expect(delay).toBeGreaterThanOrEqual(5);
      expect(delay).toBeLessThanOrEqual(10);
    }
  });
});

describe("many dead letters", () => {
  const packed = (count: number, body: (i: number) => object) => ({
    type: "batch",
    version: 1,
    id: "batch:1",
    at: "2026-01-01T00:00:00.000Z",
    attempts: 0,
    events: Array.from({ length: count }, (_, i) => body(i)),
  });
  const stored = () => env.DB.prepare("SELECT count(*) AS n FROM dead_letters").first<number>("n");

  it("of 100 packed messages are stored by few statements in one round trip", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => void vi.restoreAllMocks());
    const { db, trips } = observed(env.DB);
    const { batch, ended } = batchOf(
      "stock-events-dlq",
      Array.from({ length: 100 }, (_, n) => ({
        id: `m${n}`,
        body: packed(100, (i) => ({ n, i })),
      })),
    );
    await worker.queue(batch, envWith({ DB: db }));
    expect(new Set(ended.map(({ acks }) => acks))).toEqual(new Set([1]));
    expect(await stored()).toBe(10_000);
    expect(trips).toHaveLength(1);
    expect(trips[0]?.sql.length).toBeLessThanOrEqual(40);
    const { deadLetters } = await list("?limit=1");
    expect(deadLetters).toMatchObject([
      { id: "m0:0", body: { n: 0, i: 0 }, queue: "stock-events" },
    ]);
  });

  it("are spread over statements of less than 2 MB, bodies cut, whatever their letters", async () => {
    const texts = ["\u{1F600}".repeat(400_000), '\\"\u0001'.repeat(200_000), "é".repeat(600_000)];
    const bound: string[] = [];
    const db = new Proxy(env.DB, {
      get(target, name) {
        if (name !== "prepare") return Reflect.get(target, name).bind(target);
        return (sql: string) => {
          const statement = target.prepare(sql);
          const bind = statement.bind.bind(statement);
          statement.bind = (...values: unknown[]) => {
            bound.push(...values.map(String));
            return bind(...values);
          };
          return statement;
        };
      },
    });
    await storeDeadLetters(
      db,
      [...texts, ...texts].map((body, i) => letterWith({ id: `long${i}`, body })),
    );
    const bytes = bound.map((text) => new TextEncoder().encode(text).byteLength);
    expect(Math.max(...bytes)).toBeLessThan(2_000_000);
    expect(await stored()).toBe(6);
    const { deadLetters } = await list();
    for (const { body } of deadLetters) expect(String(body)).toHaveLength(500_000);
  });

  it("invariant 7: one that cannot be stored stops no other, in its message or beside it", async () => {
    vi.spyOn(console, "error").mockImplementation(() => {});
    onTestFinished(() => void vi.restoreAllMocks());
    await env.DB.prepare(
      `CREATE TRIGGER unstorable BEFORE INSERT ON dead_letters WHEN NEW.body LIKE '%poison%'
       BEGIN SELECT RAISE(ABORT, 'cannot be stored'); END`,
    ).run();
    onTestFinished(async () => void (await env.DB.prepare("DROP TRIGGER unstorable").run()));
    const bad = packed(5, (i) => (i === 3 ? { poison: true } : { i }));
    const ended = await keep("stock-events-dlq", [
      { id: "good", body: packed(4, (i) => ({ i })) },
      { id: "bad", body: bad },
      { id: "fine", body: 1 },
    ]);
    expect(ended.map(({ acks, retries }) => [acks, retries.length])).toEqual([
      [1, 0],
      [0, 1],
      [1, 0],
    ]);
    const { deadLetters } = await list();
    expect(deadLetters.map(({ id }) => id)).toEqual(
      [
        "good:0",
        "good:1",
        "good:2",
        "good:3",
        "bad:0",
        "bad:1",
        "bad:2",
        "bad:4",
        "fine",
      ].toSorted(),
    );
  });
});

describe("the list of dead letters", () => {
  it("goes page by page, oldest first, each letter once", async () => {
    const messages = Array.from({ length: 7 }, (_, i) => ({
      id: `m${i}`,
      body: i,
      // Three of them at the same moment, more than a page: the id decides.
      timestamp: new Date(1_000 * Math.max(2, 6 - i)),
    }));
    await keep("stock-events-dlq", messages);
    const seen: string[] = [];
    let cursor: string | null = null;
    let pages = 0;
    do {
      const page: Page = await list(`?limit=2${cursor === null ? "" : `&cursor=${cursor}`}`);
      seen.push(...page.deadLetters.map(({ id }) => id));
      cursor = page.nextCursor;
      pages++;
    } while (cursor !== null);
    expect(seen).toEqual(["m4", "m5", "m6", "m3", "m2", "m1", "m0"]);
    expect(pages).toBe(4);
  });

  it.each(["?cursor=x", "?cursor=%21%21", "?cursor=aGVsbG8", "?limit=0", "?limit=101", "?limit=x"])(
    "%s is 400",
    async (query) => {
      const token = await operatorToken();
      const response = await call("GET", `/v1/dead-letters${query}`, { token });
      expect(response.status).toBe(400);
      expect((await problemOf(response)).code).toBe("invalid_request");
    },
  );
});

describe("replaying", () => {
  it("an order event makes its order due now and sends nothing", async () => {
    const order = await pendingOrder();
    await keep("order-events-dlq", [{ id: "m1", body: commandOf(order, "lock", Date.now()) }]);
    const { queue, sent } = fakeQueue();
    const response = await replay("m1", { ORDER_EVENTS: queue, STOCK_EVENTS: queue });
    expect(await response.json()).toEqual({ id: "m1", outcome: "reconciled" });
    expect(sent).toEqual([]);
    expect((await orderNow(order.id)).dueAt_ms).toBeLessThanOrEqual(Date.now());
    expect((await list()).deadLetters).toEqual([]);
  });

  it("each event of a packed message is a letter of its own, and makes its order due", async () => {
    const orders = [await pendingOrder(), await pendingOrder()];
    const [body] = pack(orders.map((order) => commandOf(order, "lock", Date.now())));
    await keep("order-events-dlq", [{ id: "m1", body }]);
    for (const [i, { id }] of orders.entries()) {
      expect((await orderNow(id)).dueAt_ms).toBeGreaterThan(Date.now());
      expect((await replay(`m1:${i}`)).status).toBe(200);
      expect((await orderNow(id)).dueAt_ms).toBeLessThanOrEqual(Date.now());
    }
  });

  it.each([
    ["stock-events", levelOf("S", 1, 1), 0, 1],
    ["stock-events", "junk", 0, 1],
    ["order-events", { type: "order.lost" }, 1, 0],
  ] as const)(
    "of %s anything else goes back to its queue: %j",
    async (name, body, orders, stock) => {
      await keep(`${name}-dlq`, [{ id: "m1", body }]);
      const [toOrders, toStock] = [fakeQueue(), fakeQueue()];
      const response = await replay("m1", {
        ORDER_EVENTS: toOrders.queue,
        STOCK_EVENTS: toStock.queue,
      });
      expect(await response.json()).toEqual({ id: "m1", outcome: "resent" });
      expect([toOrders.sent.length, toStock.sent.length]).toEqual([orders, stock]);
      expect([...toOrders.sent, ...toStock.sent][0]?.body).toEqual(body);
      expect((await list()).deadLetters).toEqual([]);
    },
  );

  it("keeps the letter when it cannot be sent", async () => {
    await keep("stock-events-dlq", [{ id: "m1", body: "junk" }]);
    const { queue } = fakeQueue({ fails: true });
    expect((await replay("m1", { STOCK_EVENTS: queue })).status).toBe(503);
    expect((await list()).deadLetters).toHaveLength(1);
  });

  it("keeps the letter when the send hangs, and answers all the same", async () => {
    await keep("stock-events-dlq", [{ id: "m1", body: "junk" }]);
    vi.useFakeTimers({ toFake: ["setTimeout"] });
    onTestFinished(() => void vi.useRealTimers());
    const send = () => new Promise<never>(() => void vi.advanceTimersByTime(SEND_TIMEOUT_MS));
    expect((await replay("m1", { STOCK_EVENTS: { send } as unknown as Queue })).status).toBe(503);
    expect((await list()).deadLetters).toHaveLength(1);
  });

  it("invariant 11: any number of times changes nothing extra", async () => {
    const open = await pendingOrder();
    const done = await pendingOrder();
    await settle([locked(done.id)], portsWith());
    const before = [await orderNow(open.id), await orderNow(done.id)];
    for (let time = 0; time < 3; time++) {
      await keep("order-events-dlq", [
        { id: "open", body: commandOf(open, "lock", Date.now()) },
        { id: "done", body: commandOf(done, "lock", Date.now()) },
      ]);
      expect((await replay("open")).status).toBe(200);
      expect((await replay("done")).status).toBe(200);
      expect((await replay("open")).status).toBe(404);
      await worker.queue(batchOf("stock-events", [{ body: locked(done.id) }]).batch, env);
    }
    const { dueAt_ms, attempts, ...rest } = await orderNow(open.id);
    expect(before[0]).toMatchObject(rest);
    expect(await orderNow(done.id)).toEqual(before[1]);
    expect(await rowCounts()).toMatchObject({ orders: 2, dead_letters: 0 });
    expect([dueAt_ms, attempts]).not.toContain(null);
  });
});

describe("discarding", () => {
  it("drops the letter, once", async () => {
    const token = await operatorToken();
    await keep("stock-events-dlq", [
      { id: "m1:u0", body: 1 },
      { id: "m2", body: 2 },
    ]);
    const path = `/v1/dead-letters/${encodeURIComponent("m1:u0")}`;
    expect((await call("DELETE", path, { token })).status).toBe(204);
    expect((await call("DELETE", path, { token })).status).toBe(404);
    expect((await list()).deadLetters.map(({ id }) => id)).toEqual(["m2"]);
  });

  it("invariant 12: takes the scope of an operator, as listing and replaying do", async () => {
    await keep("stock-events-dlq", [{ id: "m1", body: 1 }]);
    const token = await tokenFor("customer");
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/m1/replay"],
      ["DELETE", "/m1"],
    ] as const) {
      const response = await call(method, `/v1/dead-letters${path}`, { token });
      expect(response.status).toBe(403);
    }
    expect((await list()).deadLetters).toHaveLength(1);
  });
});
