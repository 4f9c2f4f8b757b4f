import { expect, test } from "vitest";
import {
  expectLedgerReplays,
  expectReadModelFollows,
  levelBecomes,
  settled,
} from "./support/settled.ts";
import { useStack } from "./support/stack.ts";

const stack = useStack();

test("a confirmed order that is cancelled gives its stock back, and twice is 200", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("changes-mind");
  const { body } = await customer.place([{ sku, quantity: 3 }]);
  await settled(customer, [body.id]);
  expect(await stack.operator.level(sku)).toMatchObject({ available: 2, held: 3 });

  const first = await customer.cancel(body.id);
  expect(first.status).toBe(200);
  const expected = { status: "cancelled", reason: "customer_request", revision: 3 };
  expect(first.body).toMatchObject(expected);
  await levelBecomes(stack.operator, sku, { available: 5, held: 0 });

  const second = await customer.cancel(body.id);
  expect([second.status, second.body]).toEqual([200, first.body]);
  const movements = await expectLedgerReplays(stack.operator, sku);
  expect(movements.map(({ kind }) => kind)).toEqual(["receive", "lock", "release"]);
});

test("invariant 6: orders cancelled while their lock is under way end with nothing held", async () => {
  const sku = await stack.operator.stocked(20);
  const customer = await stack.customer("hasty");
  const ids = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const { body } = await customer.place([{ sku, quantity: 1 }]);
      expect((await customer.cancel(body.id)).status).toBe(200);
      return body.id;
    }),
  );
  await levelBecomes(stack.operator, sku, { available: 20, held: 0 });
  // While all were locked the item was sold out, and the gate may say so for a moment longer.
  await expectReadModelFollows(stack.operator, sku);
  // One more order goes through the same queues: whatever was late has arrived before it.
  const { status, body: last } = await customer.place([{ sku, quantity: 1 }]);
  expect(status).toBe(202);
  await settled(customer, [last.id]);
  for (const order of await settled(customer, ids)) {
    expect(order).toMatchObject({ status: "cancelled", reason: "customer_request" });
  }
  expect(await stack.operator.level(sku)).toMatchObject({ available: 19, held: 1 });
  await expectLedgerReplays(stack.operator, sku);
});

test("invariant 12: another customer can neither see nor cancel an order; an operator can", async () => {
  const sku = await stack.operator.stocked(5);
  const [owner, stranger] = await Promise.all([stack.customer("owner"), stack.customer("other")]);
  const { body } = await owner.place([{ sku, quantity: 1 }]);
  await settled(owner, [body.id]);
  for (const [method, path] of [
    ["GET", `/v1/orders/${body.id}`],
    ["POST", `/v1/orders/${body.id}/cancel`],
  ] as const) {
    const reply = await stranger.call<{ code: string }>(method, path);
    expect([reply.status, reply.body.code]).toEqual([404, "not_found"]);
  }
  expect(await stranger.get("/v1/orders")).toEqual({ orders: [], nextCursor: null });
  expect(await owner.order(body.id)).toMatchObject({ status: "confirmed", revision: 2 });
  const foreignStock = await stranger.call("POST", `/v1/items/${sku}/stock`, {
    delta: 1,
    reason: "mine",
  });
  expect(foreignStock.status).toBe(403);
  expect((await stack.operator.cancel(body.id)).status).toBe(200);
  await levelBecomes(stack.operator, sku, { available: 5, held: 0 });
});
