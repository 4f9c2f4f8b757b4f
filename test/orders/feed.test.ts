import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { feedNotifier } from "../../src/orders/order/feed-notifier.ts";
import { viewOf } from "../../src/orders/order/order.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { INSERT_ORDERS, orderRow, SETTLED } from "../support/order.ts";
import { locked, orderNow, pendingOrder, portsWith, tamper } from "./support/data.ts";
import { connect, feedAlarm, feedOf, rewireFeed } from "./support/feed.ts";
import { migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
});

const feeds = feedNotifier(env);
const settled = (...ids: string[]) => settle(ids.map(locked), portsWith({ feeds }));

async function visitor() {
  const customerId = newCustomer();
  return { customerId, token: await tokenFor(customerId) };
}

const finished = { status: "paid", awaits: null, due_at: null, revision: 3 } as const;

describe("the feed's snapshot", () => {
  it("comes first, with the unfinished orders, newest first", async () => {
    const { customerId, token } = await visitor();
    const now_ms = Date.now();
    const old = await pendingOrder({ customerId });
    const young = await pendingOrder({ customerId });
    const over = await pendingOrder({ customerId });
    await tamper(over.id, { ...finished, updated_at: now_ms });
    const client = await connect({ token });
    expect((await client.snapshot()).map(({ id }) => id)).toEqual([young.id, old.id]);
    expect(client.heard[0]).toMatchObject({ type: "snapshot", truncated: false });
  });

  it("has those updated since the given time minus 60 s as well", async () => {
    const { customerId, token } = await visitor();
    const since_ms = 1_700_000_000_000;
    const [within, before] = [
      await pendingOrder({ customerId }),
      await pendingOrder({ customerId }),
    ];
    await tamper(within.id, { ...finished, updated_at: since_ms - 60_000 });
    await tamper(before.id, { ...finished, updated_at: since_ms - 60_001 });
    const client = await connect({ token, since: new Date(since_ms).toISOString() });
    expect((await client.snapshot()).map(({ id }) => id)).toEqual([within.id]);
  });

  it("says when it was cut", async () => {
    const { customerId, token } = await visitor();
    const rows = Array.from({ length: 201 }, (_, i) =>
      orderRow({ id: newOrderId(i), customer_id: customerId, status: "confirmed", ...SETTLED }),
    );
    await env.DB.prepare(INSERT_ORDERS).bind(JSON.stringify(rows)).run();
    const client = await connect({ token });
    expect(await client.snapshot()).toHaveLength(200);
    expect(client.heard[0]).toMatchObject({ truncated: true });
  });

  it("invariant 12: never shows another customer's order", async () => {
    const [mine, theirs] = [await visitor(), await visitor()];
    const [own, other] = [await pendingOrder(mine), await pendingOrder(theirs)];
    const client = await connect({ token: mine.token, since: "2000-01-01T00:00:00Z" });
    expect((await client.snapshot()).map(({ id }) => id)).toEqual([own.id]);
    const neighbour = await connect({ token: theirs.token });
    await neighbour.snapshot();
    await settled(other.id);
    await neighbour.hears(2);
    await settled(own.id);
    await client.hears(2);
    expect(client.changes).toEqual([[own.id, "confirmed", 2]]);
  });
});

describe("the feed tells of a change", () => {
  it("invariant 9: to every socket of the customer, once it is durable", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const clients = [await connect({ token }), await connect({ token })];
    for (const client of clients) await client.snapshot();
    await settled(id);
    for (const client of clients) {
      await client.hears(2);
      expect(client.changes).toEqual([[id, "confirmed", 2]]);
    }
  });

  it("invariant 9: that comes while the snapshot is read, after it and not before", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    // The change is committed and pushed after the snapshot was read, before it is sent.
    const { db } = observed(env.DB, {
      after: async () => {
        await rewireFeed(customerId);
        await settled(id);
      },
    });
    await rewireFeed(customerId, db);
    const client = await connect({ token });
    expect(await client.snapshot()).toMatchObject([{ id, status: "pending", revision: 1 }]);
    await client.hears(2);
    expect(client.changes).toEqual([[id, "confirmed", 2]]);
  });

  it("and not twice what the snapshot already has", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const { db } = observed(env.DB, {
      before: async () => {
        await rewireFeed(customerId);
        await env.DB.prepare("INSERT INTO presence VALUES (?, 0)").bind(customerId).run();
        await settled(id);
      },
    });
    await rewireFeed(customerId, db);
    const client = await connect({ token });
    expect(await client.snapshot()).toMatchObject([{ id, status: "confirmed", revision: 2 }]);
    client.send("ping");
    await eventually(() => expect(client.texts).toEqual(["pong"]));
    expect(client.changes).toEqual([]);
  });

  it("invariant 9: whose push was lost, when its alarm rereads D1", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const client = await connect({ token });
    await client.snapshot();
    await settle([locked(id)], portsWith());
    expect(await runDurableObjectAlarm(feedOf(customerId))).toBe(true);
    await client.hears(2);
    expect(client.changes).toEqual([[id, "confirmed", 2]]);
  });

  it("invariant 9: whose push was lost, when it had ended the last unfinished order", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const client = await connect({ token });
    await client.snapshot();
    await tamper(id, { ...finished, updated_at: Date.now() });
    await runDurableObjectAlarm(feedOf(customerId));
    await client.hears(2);
    expect(client.changes).toEqual([[id, "paid", 3]]);
  });

  it("after an eviction, to the sockets that hibernated through it", async () => {
    const { customerId, token } = await visitor();
    const { id } = await pendingOrder({ customerId });
    const client = await connect({ token });
    await client.snapshot();
    await evictDurableObject(feedOf(customerId));
    await settled(id);
    await client.hears(2);
    expect(client.changes).toEqual([[id, "confirmed", 2]]);
    expect((await orderNow(id)).status).toBe("confirmed");
  });
});

describe("the feed's rereading alarm", () => {
  const waits = async (customerId: string) => (await feedAlarm(customerId))! - Date.now();

  it("comes after 5, 15, then every 60 s while an order is unfinished", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const { customerId, token } = await visitor();
    await pendingOrder({ customerId });
    await (await connect({ token })).snapshot();
    const steps = [await waits(customerId)];
    for (let i = 0; i < 3; i++) {
      vi.setSystemTime(Date.now() + (steps.at(-1) ?? 0));
      await runDurableObjectAlarm(feedOf(customerId));
      steps.push(await waits(customerId));
    }
    expect(steps).toEqual([5_000, 15_000, 60_000, 60_000]);
  });

  it("comes again when D1 was away", async () => {
    const { customerId, token } = await visitor();
    await pendingOrder({ customerId });
    await (await connect({ token })).snapshot();
    const { db } = observed(env.DB, {
      before: () => {
        throw new Error("D1_ERROR");
      },
    });
    await rewireFeed(customerId, db);
    expect(await runDurableObjectAlarm(feedOf(customerId))).toBe(true);
    expect(await waits(customerId)).toBeGreaterThan(0);
    await rewireFeed(customerId);
  });

  it("never comes later than a push during the reread has asked for", async () => {
    const { customerId, token } = await visitor();
    const client = await connect({ token });
    await client.snapshot();
    const order = await pendingOrder({ customerId });
    // The reread has seen no unfinished order yet; the push of one arrives before it plans the next.
    await tamper(order.id, { ...finished, updated_at: 0 });
    const { db } = observed(env.DB, { after: () => feedOf(customerId).push([viewOf(order)]) });
    await rewireFeed(customerId, db);
    await runDurableObjectAlarm(feedOf(customerId));
    await rewireFeed(customerId);
    expect(await waits(customerId)).toBeLessThanOrEqual(5_000);
  });

  it("comes when the earliest token runs out, though D1 is away", async () => {
    const customerId = newCustomer();
    await (await connect({ token: await tokenFor(customerId) })).snapshot();
    // With the 30 s that clocks may differ: 20 s from now.
    await (await connect({ token: await tokenFor(customerId, { lasts_s: -10 }) })).snapshot();
    await rewireFeed(customerId, brokenDb(env.DB));
    await runDurableObjectAlarm(feedOf(customerId));
    await rewireFeed(customerId);
    expect(await waits(customerId)).toBeLessThanOrEqual(20_000);
  });

  it("rests when nobody listens", async () => {
    const { customerId, token } = await visitor();
    await pendingOrder({ customerId });
    const client = await connect({ token });
    await client.snapshot();
    client.close(1000, "bye");
    await client.code();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 61_000 });
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await feedAlarm(customerId)).toBeNull();
  });
});
