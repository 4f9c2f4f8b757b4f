import { expect, test } from "vitest";
import { clientOf } from "./support/client.ts";
import { FeedClient } from "./support/feed-client.ts";
import { expectLedgerReplays, expectReadModelFollows, settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack();

/** Sooner than the feed's own first reread, after 5 s, which would make up for a missing push. */
const PUSHED_MS = 4_500;

test("a guest's order is taken, its stock locked, and the guest hears that it is confirmed", async () => {
  const { operator, anyone, base } = stack;
  const sku = await operator.stocked(10);
  const { status, body: guest } = await anyone.call<{ customerId: string; token: string }>(
    "POST",
    "/v1/guests",
  );
  expect(status).toBe(201);
  expect(guest.customerId).toMatch(/^guest_/);
  const customer = clientOf(base, guest.token);
  // The first order of a process also loads all that it needs: it is not the one that is timed.
  const first = await (
    await stack.customer("first")
  ).place([{ sku: await operator.stocked(1), quantity: 1 }]);
  await settled(operator, [first.body.id]);
  const feed = new FeedClient(base, guest.token);
  expect(await feed.opened()).toEqual({ type: "snapshot", orders: [], truncated: false });
  expect(feed.socket.protocol).toBe("lockstock.v1");

  const placed = await customer.place([{ sku, quantity: 1 }]);
  expect(placed.status).toBe(202);
  expect(placed.headers.get("location")).toBe(`/v1/orders/${placed.body.id}`);
  expect(placed.body).toMatchObject({
    status: "pending",
    reason: null,
    revision: 1,
    customerId: guest.customerId,
    lines: [{ sku, quantity: 1, price: { amount: 1500, currency: "EUR" } }],
    total: { amount: 1500, currency: "EUR" },
    payBy: null,
  });

  const { id } = placed.body;
  const isConfirmed = () => feed.pushes(id).find((order) => order.status === "confirmed");
  const heard = await until("the outcome", isConfirmed, PUSHED_MS);
  expect(heard.revision).toBe(2);
  expect(feed.pushes(id).map(({ status }) => status)).toContain("pending");
  expect(await customer.order(id)).toEqual(heard);

  const level = { sku, received: 10, available: 9, held: 1, sold: 0 };
  expect(await operator.level(sku)).toMatchObject(level);
  const movements = await expectLedgerReplays(operator, sku);
  expect(movements.map(({ kind, quantity }) => [kind, quantity])).toEqual([
    ["receive", 10],
    ["lock", 1],
  ]);
  expect(movements[1]?.orderId).toBe(id);
  await expectReadModelFollows(operator, sku);
  await feed.close();
});

test("invariant 8: the same key and order at the same time are one order", async () => {
  const sku = await stack.operator.stocked(10);
  const customer = await stack.customer("key-user");
  const replies = await Promise.all(
    Array.from({ length: 20 }, () => customer.place([{ sku, quantity: 1 }], "one-key")),
  );
  expect(new Set(replies.map(({ body }) => body.id)).size).toBe(1);
  const replayed = replies.filter(({ headers }) => headers.get("idempotency-replayed") === "true");
  expect(replayed).toHaveLength(19);
  const { orders } = await customer.get<{ orders: unknown[] }>("/v1/orders");
  expect(orders).toHaveLength(1);
  const { body } = replies[0]!;
  await until("settled", async () => (await customer.order(body.id)).status === "confirmed");
  expect(await stack.operator.level(sku)).toMatchObject({ available: 9, held: 1 });

  const other = await customer.place([{ sku, quantity: 2 }], "one-key");
  expect([other.status, other.body.code]).toEqual([422, "idempotency_key_reused"]);
});
