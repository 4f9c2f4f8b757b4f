import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { feedNotifier } from "../../src/orders/order/feed-notifier.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import type { CustomerFeed } from "../../src/orders/worker.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { isMarkedPresent, locked, pendingOrder, portsWith } from "./support/data.ts";
import { closings, connect, feedAlarm, feedOf, rewireFeed } from "./support/feed.ts";
import { call, envWith, migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
});

/** So long after its last socket a customer still counts as present. */
const PRESENCE_MS = 60_000;

async function visitor() {
  const customerId = newCustomer();
  return { customerId, token: await tokenFor(customerId) };
}

const later = (ms: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });

const stored = (customerId: string): Promise<string[]> =>
  runInDurableObject(feedOf(customerId), (_feed: CustomerFeed, { storage }) =>
    Array.from(storage.kv.list(), ([key]) => key),
  );

async function leaves(client: { close(code: number): void; code(): Promise<number> }) {
  client.close(1000);
  await client.code();
}

describe("the customer's presence", () => {
  it("is marked by the first socket, and cleared a minute after the last", async () => {
    const { customerId, token } = await visitor();
    expect(await isMarkedPresent(customerId)).toBe(false);
    const [one, two] = [await connect({ token }), await connect({ token })];
    await one.snapshot();
    expect(await isMarkedPresent(customerId)).toBe(true);
    await leaves(one);
    later(PRESENCE_MS + 1);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(true);
    await leaves(two);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(true);
    const alarm_ms = (await feedAlarm(customerId))!;
    expect(Math.abs(alarm_ms - Date.now() - PRESENCE_MS)).toBeLessThan(1_000);
    later(PRESENCE_MS + 1);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(false);
    expect(await feedAlarm(customerId)).toBeNull();
  });

  it("stays marked when the customer is back within the minute", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    await leaves(client);
    later(PRESENCE_MS - 1_000);
    await (await connect({ token })).snapshot();
    later(2_000);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(true);
  });

  it("of a customer who reconnects 1,000 times costs D1 one row, and the object at most ten", async () => {
    const { customerId, token } = await visitor();
    const { db, rowsWritten } = observed(env.DB);
    const writes = await runInDurableObject(
      feedOf(customerId),
      (feed: CustomerFeed, { storage }) => {
        // What is measured are the writes, not the limit of openings.
        Reflect.set(feed, "env", envWith({ DB: db, RATE_LIMIT: "off" }));
        return [
          vi.spyOn(storage, "setAlarm"),
          vi.spyOn(storage.kv, "put"),
          vi.spyOn(storage.kv, "delete"),
        ];
      },
    );
    for (let round = 0; round < 125; round++) {
      const clients = await Promise.all(Array.from({ length: 8 }, () => connect({ token })));
      await Promise.all(clients.map((client) => leaves(client)));
    }
    expect(rowsWritten()).toBe(1);
    const rows = writes.map(({ mock }) => mock.calls.length);
    expect(rows[0]).toBeGreaterThan(0);
    expect(rows[1]).toBeGreaterThan(0);
    expect(rows.reduce((sum, n) => sum + n)).toBeLessThanOrEqual(10);
    await rewireFeed(customerId);
  });

  it("leaves nothing in the object's storage once it is cleared, unused tickets aside", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await stored(customerId)).toEqual(["customer", "looked_at"]);
    await leaves(client);
    later(PRESENCE_MS + 1);
    expect((await call("POST", "/v1/feed/tickets", { token })).status).toBe(201);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(false);
    expect(await stored(customerId)).toEqual(["tickets"]);
    later(PRESENCE_MS + 1);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await stored(customerId)).toEqual([]);
    expect(await feedAlarm(customerId)).toBeNull();
  });

  it("of a customer who is erased leaves nothing either, also what an earlier version left", async () => {
    const customerId = newCustomer();
    await runInDurableObject(feedOf(customerId), async (feed: CustomerFeed, { storage }) => {
      storage.kv.put("looked_at", 1);
      await feed.disconnect();
    });
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await stored(customerId)).toEqual([]);
    expect(await feedAlarm(customerId)).toBeNull();
  });

  it("survives an eviction, and is cleared by the alarm of a socket closed after it", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    await evictDurableObject(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(true);
    await leaves(client);
    // The alarm finds an object that does not know when the last socket went.
    await evictDurableObject(feedOf(customerId));
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(false);
  });

  it("that was left behind by a crash is cleared a minute after the next push", async () => {
    const customerId = newCustomer();
    const { id } = await pendingOrder({ customerId });
    await env.DB.prepare("INSERT INTO presence VALUES (?, 0)").bind(customerId).run();
    await settle([locked(id)], portsWith({ feeds: feedNotifier(env) }));
    expect(await isMarkedPresent(customerId)).toBe(true);
    later(PRESENCE_MS + 1);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(false);
  });

  it("stays marked while D1 is away, and is cleared when it is back", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    const ends = await closings(customerId);
    await rewireFeed(customerId, brokenDb(env.DB));
    await leaves(client);
    await eventually(() => expect(ends).toEqual(["done"]));
    later(PRESENCE_MS + 1);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(true);
    await rewireFeed(customerId);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await isMarkedPresent(customerId)).toBe(false);
  });

  it("no change is lost of sockets that opened together, however late the first reread is", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const clients = await Promise.all([connect({ token }), connect({ token })]);
    for (const client of clients) await client.snapshot();
    await settle([locked(id)], portsWith());
    later(30 * 60_000);
    await runDurableObjectAlarm(feedOf(customerId));
    for (const client of clients) {
      await client.hears(2);
      expect(client.changes).toEqual([[id, "confirmed", 2]]);
    }
  });

  it("no push is lost that comes between the last socket and the next", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const client = await connect({ token });
    await client.snapshot();
    await leaves(client);
    await settle([locked(id)], portsWith({ feeds: feedNotifier(env) }));
    const again = await connect({ token });
    expect(await again.snapshot()).toMatchObject([{ id, status: "confirmed", revision: 2 }]);
  });
});
