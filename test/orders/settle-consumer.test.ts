import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { pack } from "../../src/contract/envelope.ts";
import type { SettlePorts } from "../../src/orders/outcomes/settle.ts";
import { consumeStockEvents } from "../../src/orders/outcomes/stock-events-consumer.ts";
import worker from "../../src/orders/worker.ts";
import { brokenDb, observed } from "../support/d1.ts";
import {
  addItem,
  fakeFeeds,
  levelOf,
  locked,
  markPresent,
  orderNow,
  pendingOrder,
  portsWith,
  refused,
} from "./support/data.ts";
import { ACKED, batchOf, fakeQueue } from "./support/queue.ts";
import { migrate } from "./support/worker.ts";

beforeAll(migrate);
beforeEach(async () => {
  await env.DB.prepare("DELETE FROM dead_letters").run();
});

const QUEUE = "stock-events";

async function consumed(
  messages: Parameters<typeof batchOf>[1],
  parts: Partial<SettlePorts> = {},
  { queue, sent } = fakeQueue(),
) {
  const { batch, ended } = batchOf(QUEUE, messages);
  await consumeStockEvents(batch, { ...portsWith(parts), stockEvents: queue });
  return { ended, sent };
}

interface Letter {
  id: string;
  queue: string;
  body: string;
  attempts: number;
  error: string;
}

async function letters(): Promise<Letter[]> {
  const { results } = await env.DB.prepare("SELECT * FROM dead_letters ORDER BY id").all<Letter>();
  return results;
}

describe("the stock-events consumer", () => {
  it("acknowledges each message once its outcome is durable, in one D1 round trip for 100", async () => {
    const orders = await Promise.all(Array.from({ length: 100 }, () => pendingOrder()));
    const { db, trips } = observed(env.DB);
    const { ended } = await consumed(
      orders.map(({ id }) => ({ body: locked(id) })),
      { db },
    );
    expect(ended).toEqual(orders.map(() => ACKED));
    expect(trips).toHaveLength(1);
    expect((await orderNow(orders[99]!.id)).status).toBe("confirmed");
  });

  it("takes packed messages and single ones, levels among them", async () => {
    const sku = await addItem();
    const orders = await Promise.all(Array.from({ length: 5 }, () => pendingOrder()));
    const [packed] = pack(orders.slice(1).map(({ id }) => locked(id)));
    const messages = [
      { body: locked(orders[0]!.id) },
      { body: packed },
      { body: levelOf(sku, 4, 2) },
    ];
    const { ended } = await consumed(messages);
    expect(ended).toEqual([ACKED, ACKED, ACKED]);
    for (const { id } of orders) expect((await orderNow(id)).status).toBe("confirmed");
  });

  it("invariant 4: the same message at once, and again later, has one effect", async () => {
    const { id } = await pendingOrder();
    const body = locked(id);
    const { ended } = await consumed([{ body }, { body }]);
    await consumed([{ body, attempts: 7 }]);
    expect(ended).toEqual([ACKED, ACKED]);
    expect((await orderNow(id)).revision).toBe(2);
  });

  it.each([
    ["text", "hello"],
    ["null", null],
    ["an unknown type", { type: "stock.lost", version: 1, id: "x", at: new Date().toISOString() }],
    ["an unknown version", { ...locked("01a20446-851e-72a5-baec-d2d124ce9e42"), version: 2 }],
    ["a bad order id", locked("42")],
    ["a bad level", { ...levelOf("S", 1, 1), level: { sku: "S", available: -1 } }],
  ])("%s becomes a dead letter at once, and is acknowledged", async (_name, body) => {
    const { ended } = await consumed([{ id: "m1", body }]);
    expect(ended).toEqual([ACKED]);
    expect(await letters()).toMatchObject([
      { queue: QUEUE, body: JSON.stringify(body), attempts: 1 },
    ]);
    expect((await letters())[0]?.error).toMatch(/cannot be decoded/);
  });

  it("an undecodable message that cannot be stored is retried, not lost", async () => {
    const { db } = observed(env.DB, {
      before: (sql) => {
        if (sql.some((text) => text.includes("dead_letters"))) throw new Error("D1_ERROR");
      },
    });
    const { id } = await pendingOrder();
    const { ended } = await consumed([{ body: "junk" }, { body: locked(id) }], { db });
    expect(ended[0]).toMatchObject({ acks: 0, retries: [expect.any(Number)] });
    expect(ended[1]).toEqual(ACKED);
    expect(await letters()).toEqual([]);
  });

  it("one bad event of a packed message becomes a letter; its neighbours are settled", async () => {
    const { id } = await pendingOrder();
    const [packed] = pack([locked(id), { ...locked(id), type: "nonsense" }]);
    const { ended } = await consumed([{ id: "m1", body: packed }]);
    expect(ended).toEqual([ACKED]);
    expect(await letters()).toMatchObject([{ id: "m1:1" }]);
    expect((await orderNow(id)).status).toBe("confirmed");
  });
});

describe("the stock-events consumer in trouble", () => {
  it.each([
    [1, 1, 2],
    [3, 4, 8],
    [9, 150, 300],
  ])("with D1 away, attempt %s is retried after %s to %s s", async (attempts, least, most) => {
    const { id } = await pendingOrder();
    const { ended } = await consumed([{ body: locked(id), attempts }], { db: brokenDb(env.DB) });
    expect(ended).toMatchObject([{ acks: 0, retries: [expect.any(Number)] }]);
    expect(ended[0]!.retries[0]).toBeGreaterThanOrEqual(least);
    expect(ended[0]!.retries[0]).toBeLessThanOrEqual(most);
    expect((await orderNow(id)).status).toBe("pending");
  });

  it("a poisonous event is singled out: retried alone, its neighbours acknowledged", async () => {
    const orders = await Promise.all(Array.from({ length: 20 }, () => pendingOrder()));
    // A constraint of this test's own makes D1 refuse one order, and with it each batch it is in.
    const poison = orders[7]!.id;
    await env.DB.prepare(
      `CREATE TRIGGER poison BEFORE UPDATE ON orders WHEN old.id = '${poison}'
       BEGIN SELECT RAISE(ABORT, 'poison'); END`,
    ).run();
    const { ended } = await consumed(orders.map(({ id }) => ({ body: locked(id) })));
    await env.DB.prepare("DROP TRIGGER poison").run();
    expect(ended.map(({ acks, retries }) => [acks, retries.length])).toEqual(
      orders.map(({ id }) => (id === poison ? [0, 1] : [1, 0])),
    );
    expect((await orderNow(orders[8]!.id)).status).toBe("confirmed");
  });

  it("after ten attempts an undecided event becomes a dead letter with its error", async () => {
    const { id } = await pendingOrder();
    const { db } = observed(env.DB, {
      before: (sql) => {
        if (sql.some((text) => text.includes("UPDATE orders"))) throw new Error("D1_ERROR: full");
      },
    });
    const { ended } = await consumed([{ id: "m1", body: refused(id), attempts: 10 }], { db });
    expect(ended).toEqual([ACKED]);
    expect(await letters()).toMatchObject([{ attempts: 10, error: "Error: D1_ERROR: full" }]);
  });

  it("a customer who could not be told is told by the retry", async () => {
    const order = await pendingOrder();
    await markPresent(order.customerId);
    const body = locked(order.id);
    const { ended } = await consumed([{ body }], { feeds: fakeFeeds(() => true) });
    expect(ended).toMatchObject([{ acks: 0, retries: [expect.any(Number)] }]);
    const feeds = fakeFeeds();
    expect((await consumed([{ body, attempts: 2 }], { feeds })).ended).toEqual([ACKED]);
    expect(feeds.told).toMatchObject([{ id: order.id, status: "confirmed" }]);
  });

  it("what is undecided of a packed message goes on alone as a new message", async () => {
    const [told, unnotified] = [await pendingOrder(), await pendingOrder()];
    await markPresent(unnotified.customerId);
    const [body] = pack([locked(told.id), locked(unnotified.id)]);
    const { ended, sent } = await consumed([{ body, attempts: 3 }], {
      feeds: fakeFeeds(() => true),
    });
    expect(ended).toEqual([ACKED]);
    expect(sent).toMatchObject([
      { body: { type: "batch", attempts: 3, events: [{ orderId: unnotified.id }] } },
    ]);
    expect(sent[0]!.delaySeconds).toBeGreaterThan(0);
  });

  it("and is retried whole when the new message cannot be sent", async () => {
    const [told, unnotified] = [await pendingOrder(), await pendingOrder()];
    await markPresent(unnotified.customerId);
    const [body] = pack([locked(told.id), locked(unnotified.id)]);
    const feeds = fakeFeeds(() => true);
    const { ended } = await consumed([{ body }], { feeds }, fakeQueue({ fails: true }));
    expect(ended).toMatchObject([{ acks: 0, retries: [expect.any(Number)] }]);
  });

  it("the Worker's handler is wired to it", async () => {
    const { id } = await pendingOrder();
    const { batch, ended } = batchOf(QUEUE, [{ body: locked(id) }]);
    await worker.queue(batch, env);
    expect(ended).toEqual([ACKED]);
    expect((await orderNow(id)).status).toBe("confirmed");
  });
});
