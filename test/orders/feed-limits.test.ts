import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import type { CustomerFeed } from "../../src/orders/worker.ts";
import { observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { INSERT_ORDERS, orderRow, SETTLED } from "../support/order.ts";
import { pendingOrder } from "./support/data.ts";
import { type Client, connect, feedOf, rewireFeed } from "./support/feed.ts";
import { envWith, migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
});

async function visitor() {
  const customerId = newCustomer();
  return { customerId, token: await tokenFor(customerId) };
}

const LIMIT_BYTES = 262_144;

/** Pushes an order whose message has so many bytes. */
async function push(customerId: string, bytes: number): Promise<void> {
  const order = { id: newOrderId(Date.now()), customerId, status: "paid", note: "" };
  const empty = JSON.stringify({ type: "order", order }).length;
  const view = { ...order, note: "x".repeat(bytes - empty) } as unknown as OrderView;
  await feedOf(customerId).push([view]);
}

/** Rows of orders with 50 lines. */
async function largeOrders(customerId: string, count: number, status: "confirmed" | "paid") {
  const lines = Array.from({ length: 50 }, (_, i) => ({
    sku: `SKU-${i}`,
    name: `${"long ".repeat(10)}é`,
    quantity: 1,
    price: { amount: 1, currency: "EUR" },
    limitPerCustomer: null,
  }));
  const rows = Array.from({ length: count }, (_, i) =>
    orderRow({
      id: newOrderId(Date.now() + i),
      customer_id: customerId,
      status,
      lines: JSON.stringify(lines),
      updated_at: Date.now(),
      ...SETTLED,
    }),
  );
  await env.DB.prepare(INSERT_ORDERS).bind(JSON.stringify(rows)).run();
  return rows.map(({ id }) => id as string);
}

/** Tests run without rate limits; this feed has them. */
const limited = (customerId: string): Promise<boolean> =>
  runInDurableObject(feedOf(customerId), (feed: CustomerFeed) =>
    Reflect.set(feed, "env", envWith({ RATE_LIMIT: "on" })),
  );

const answers = async (client: Client) => {
  const before = client.texts.length;
  client.send("ping");
  await eventually(() => expect(client.texts.length).toBeGreaterThan(before));
};

describe("a snapshot", () => {
  it("has at most 256 KB of UTF-8: the newest orders, unfinished ones first, and says that it was cut", async () => {
    const { customerId, token } = await visitor();
    const unfinished = await largeOrders(customerId, 2, "confirmed");
    const finished = await largeOrders(customerId, 60, "paid");
    const client = await connect({ token, since: new Date(Date.now() - 300_000).toISOString() });
    const shown = (await client.snapshot()).map(({ id }) => id);
    expect(client.heard[0]).toMatchObject({ truncated: true });
    const bytes = new TextEncoder().encode(JSON.stringify(client.heard[0])).byteLength;
    expect(bytes).toBeLessThanOrEqual(LIMIT_BYTES);
    expect(bytes).toBeGreaterThan(LIMIT_BYTES - 20_000);
    const newest = finished.toReversed().slice(0, shown.length - 2);
    expect(shown).toEqual([...newest, ...unfinished.toReversed()]);
  });
});

describe("what waits unread for a socket", () => {
  it("is at most 256 KB: the socket is closed with 1013, others stay open", async () => {
    const { customerId, token } = await visitor();
    const [mute, alive] = [await connect({ token }), await connect({ token })];
    await Promise.all([mute.snapshot(), alive.snapshot()]);
    const snapshot = JSON.stringify(mute.heard[0]).length;
    await push(customerId, LIMIT_BYTES - snapshot);
    expect(mute.closed).toBeUndefined();
    await answers(alive);
    await push(customerId, 500);
    expect(await mute.code()).toBe(1013);
    await alive.hears(3);
    expect(alive.closed).toBeUndefined();
  });

  it("is counted anew from a ping, or from any message", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    await push(customerId, 200_000);
    await answers(client);
    await push(customerId, 200_000);
    const told = await runInDurableObject(feedOf(customerId), (feed: CustomerFeed) =>
      vi.spyOn(feed, "webSocketMessage"),
    );
    client.send("hello");
    await eventually(() => expect(told).toHaveBeenCalled());
    await push(customerId, 200_000);
    await client.hears(4);
    expect(client.closed).toBeUndefined();
  });

  it("is counted through hibernation", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    await push(customerId, 200_000);
    await evictDurableObject(feedOf(customerId));
    await push(customerId, 200_000);
    expect(await client.code()).toBe(1013);
  });

  it("is bounded for a client that only pings too: after 1 MB a socket is closed with 1012", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    for (let i = 0; i < 5; i++) {
      await push(customerId, 200_000);
      await answers(client);
    }
    expect(client.closed).toBeUndefined();
    await push(customerId, 200_000);
    expect(await client.code()).toBe(1012);
  });
});

describe("opening feeds", () => {
  it("of one customer at the same time shares reads of D1", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const { db, trips } = observed(env.DB);
    await rewireFeed(customerId, db);
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect({ token })));
    for (const client of clients) expect(await client.snapshot()).toMatchObject([{ id }]);
    expect(trips.length).toBeLessThanOrEqual(2);
    await rewireFeed(customerId);
  });

  it("with another `since` each, each socket gets what it has asked for", async () => {
    const { customerId, token } = await visitor();
    const [old, young] = await largeOrders(customerId, 2, "paid");
    await env.DB.prepare("UPDATE orders SET updated_at = ? WHERE id = ?")
      .bind(Date.now() - 600_000, old)
      .run();
    const since = (ms: number) => new Date(Date.now() - ms).toISOString();
    const clients = await Promise.all([
      connect({ token }),
      connect({ token, since: since(300_000) }),
      connect({ token, since: since(900_000) }),
      connect({ token }),
    ]);
    const shown = await Promise.all(clients.map((client) => client.snapshot()));
    expect(shown.map((orders) => orders.map(({ id }) => id))).toEqual([
      [],
      [young],
      [young, old],
      [],
    ]);
  });

  it("is limited: after 16 at once one each 2 s, the next is closed with 1013", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { customerId, token } = await visitor();
    await limited(customerId);
    const visit = async (): Promise<number> => {
      const client = await connect({ token });
      if (client.closed === undefined) await Promise.race([client.snapshot(), client.code()]);
      client.close(1000);
      return await client.code();
    };
    let visits = 0;
    while ((await visit()) === 1000) visits++;
    expect(visits).toBe(16);
    vi.setSystemTime(Date.now() + 2_000);
    expect(await visit()).toBe(1000);
  });
});
