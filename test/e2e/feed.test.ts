import { expect, test } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import { FeedClient } from "./support/feed-client.ts";
import { settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack();

/** The client has the code at once, but the local runtime keeps the connection for 10 s more. */
const CLOSED_MS = 20_000;

test("invariant 9: however often the socket drops, the client ends on the truth", async () => {
  const sku = await stack.operator.stocked(15);
  const customer = await stack.customer("commuter");
  const known = new Map<string, OrderView>();
  const ids: string[] = [];
  let since = new Date().toISOString();
  let isDone = false;

  const listening = (async () => {
    // Every socket is dropped after a few messages, more or less of them each time.
    for (let drops = 0; !isDone; drops++) {
      const feed = await stack.feed("commuter", since);
      await until("some messages", () => isDone || feed.messages.length > drops % 4);
      await feed.close();
      for (const [id, order] of feed.known()) {
        if (order.revision > (known.get(id)?.revision ?? 0)) known.set(id, order);
        if (order.updatedAt > since) since = order.updatedAt;
      }
    }
  })();
  for (let i = 0; i < 20; i++) {
    const { status, body } = await customer.place([{ sku, quantity: 1 }]);
    if (status === 202) ids.push(body.id);
    if (i % 5 === 0) await customer.cancel(body.id);
  }
  const truth = await settled(customer, ids);
  isDone = true;
  await listening;

  const last = await stack.feed("commuter", since);
  await last.opened();
  for (const [id, order] of last.known()) known.set(id, order);
  await last.close();
  expect(ids.map((id) => known.get(id))).toEqual(truth);
});

test("an order that was cancelled while nobody listened is in the next snapshot", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("sleeper");
  const feed = await stack.feed("sleeper");
  await feed.opened();
  const { body } = await customer.place([{ sku, quantity: 1 }]);
  await feed.close();
  await settled(customer, [body.id]);
  await customer.cancel(body.id);

  const again = await stack.feed("sleeper", body.placedAt);
  const { orders } = await again.opened();
  expect(orders).toEqual([await customer.order(body.id)]);
  expect(orders).toMatchObject([{ status: "cancelled", revision: 3 }]);
  await again.close();
});

test("invariant 9: what is pushed can be read at once", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("quick");
  const feed = await stack.feed("quick");
  await feed.opened();
  const reads: Promise<{ pushed: OrderView; read: OrderView }>[] = [];
  feed.socket.addEventListener("message", ({ data }) => {
    const { order: pushed } = JSON.parse(String(data)) as { order: OrderView };
    reads.push(customer.order(pushed.id).then((read) => ({ pushed, read })));
  });
  const { body } = await customer.place([{ sku, quantity: 1 }]);
  await until("confirmed", () => feed.pushes(body.id).find(({ revision }) => revision === 2));
  const pairs = await Promise.all(reads);
  expect(pairs.length).toBeGreaterThan(0);
  for (const { pushed, read } of pairs) {
    expect(read.revision).toBeGreaterThanOrEqual(pushed.revision);
  }
  await feed.close();
});

test("invariant 12: both sockets of a customer hear of an order, other customers nothing", async () => {
  const sku = await stack.operator.stocked(5);
  const [alice, bob] = await Promise.all([stack.customer("alice"), stack.customer("bob")]);
  const feeds = await Promise.all(["alice", "alice", "bob"].map((id) => stack.feed(id)));
  await Promise.all(feeds.map((feed) => feed.opened()));
  const ofAlice = (await alice.place([{ sku, quantity: 1 }])).body.id;
  // Bob's own order comes after it, so what was to be heard of Alice's would have been heard.
  await settled(alice, [ofAlice]);
  const ofBob = (await bob.place([{ sku, quantity: 1 }])).body.id;
  const isConfirmed = (feed: FeedClient, id: string) =>
    feed.pushes(id).some(({ status }) => status === "confirmed");
  const [first, second, bobs] = feeds as [FeedClient, FeedClient, FeedClient];
  await until(
    "all told",
    () => isConfirmed(first, ofAlice) && isConfirmed(second, ofAlice) && isConfirmed(bobs, ofBob),
  );
  expect([...first.known().keys()]).toEqual([ofAlice]);
  expect([...second.known().keys()]).toEqual([ofAlice]);
  expect([...bobs.known().keys()]).toEqual([ofBob]);

  await first.close();
  await alice.cancel(ofAlice);
  await until("the other told", () => second.pushes(ofAlice).at(-1)?.status === "cancelled");
  expect(isConfirmed(first, ofAlice)).toBe(true);
  expect(first.pushes(ofAlice).some(({ status }) => status === "cancelled")).toBe(false);
  await Promise.all([second.close(), bobs.close()]);
});

test("a socket without a token, or with a foreign or expired one, is closed with 4401", async () => {
  const expired = await stack.token("late", { expires: new Date(Date.now() - 60_000) });
  const own = await stack.token("victim");
  const forged = `${own.slice(0, own.lastIndexOf("."))}.${"A".repeat(43)}`;
  for (const token of [undefined, expired, forged, "no-token"]) {
    const feed = new FeedClient(stack.base, token);
    const { code } = await until("the close", () => feed.closed, CLOSED_MS);
    expect(code).toBe(4401);
    expect(feed.messages).toEqual([]);
  }
});

test("a socket is closed with 4401 when its token runs out", async () => {
  // It has run out, and is good for the 30 s that clocks may differ.
  const token = await stack.token("brief", { expires: new Date(Date.now() - 22_500) });
  const feed = new FeedClient(stack.base, token);
  await feed.opened();
  await until("closing", () => feed.socket.readyState === WebSocket.CLOSING, 20_000);
  const { code } = await until("the close", () => feed.closed, CLOSED_MS);
  expect(code).toBe(4401);
});

test("a plain request to the feed is 401 without a token and 426 with one", async () => {
  expect((await fetch(new URL("/v1/feed", stack.base))).status).toBe(401);
  const headers = { authorization: `Bearer ${await stack.token("plain")}` };
  expect((await fetch(new URL("/v1/feed", stack.base), { headers })).status).toBe(426);
});

test("ping is answered with pong, and a socket that the client closes ends cleanly", async () => {
  const feed = await stack.feed("pinger");
  await feed.opened();
  feed.socket.send("ping");
  await until("the pong", () => feed.texts[0] === "pong");
  await feed.close();
  expect(feed.closed).toEqual({ code: 1000 });
});
