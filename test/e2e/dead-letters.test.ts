import { expect, test } from "vitest";
import { pack } from "../../src/contract/envelope.ts";
import { orderEvent } from "../../src/contract/order-events.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import { stockOutcome } from "../../src/contract/stock-events.ts";
import { expectLedgerReplays, levelBecomes, settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const stack = useStack();

/** The dead letters whose body holds this text, once there are so many. */
const lettersWith = (text: string, count: number) =>
  until(`${count} dead letters with ${text}`, async () => {
    const all = await stack.operator.deadLetters();
    const own = all.filter(({ body }) => JSON.stringify(body).includes(text));
    return own.length >= count && own;
  });

test("what cannot be read on either queue is kept with its error; its neighbours settle", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("neighbour");
  const { ORDER_EVENTS: orderEvents, STOCK_EVENTS: stockEvents } = await stack.orders();
  const now_ms = Date.now();
  const facts = {
    orderId: newOrderId(now_ms),
    customerId: "nobody",
    lines: [{ sku, quantity: 1 }],
  };
  const tomorrow = { ...orderEvent("order.placed", facts, now_ms), version: 2, mark: "poison-1" };
  const later = { ...stockOutcome("stock.locked", facts.orderId, now_ms), version: 2 };

  const before = await customer.place([{ sku, quantity: 1 }]);
  await Promise.all([
    orderEvents.send("poison-1"),
    orderEvents.send(tomorrow),
    stockEvents.send({ hello: "poison-1" }),
    stockEvents.send({ ...later, mark: "poison-1" }),
  ]);
  const after = await customer.place([{ sku, quantity: 1 }]);

  const letters = await lettersWith("poison-1", 4);
  expect(letters.map(({ queue }) => queue).toSorted()).toEqual([
    "order-events",
    "order-events",
    "stock-events",
    "stock-events",
  ]);
  for (const { error, attempts } of letters) {
    expect(error).toContain("cannot be decoded");
    expect(attempts).toBe(1);
  }
  expect(letters.map(({ body }) => body)).toContainEqual(tomorrow);
  expect(await settled(customer, [before.body.id, after.body.id])).toMatchObject([
    { status: "confirmed" },
    { status: "confirmed" },
  ]);
  expect(await stack.operator.level(sku)).toMatchObject({ available: 3, held: 2 });
});

test("a bad event inside a packed message is kept alone; the others of the message are done", async () => {
  const sku = await stack.operator.stocked(5);
  const now_ms = Date.now();
  const good = [1, 2].map(() => {
    const facts = { customerId: "packed", lines: [{ sku, quantity: 1 }] };
    return orderEvent("order.placed", { ...facts, orderId: newOrderId(now_ms) }, now_ms);
  });
  const bad = { id: "poison-2", at: new Date(now_ms).toISOString() };
  const [message] = pack([good[0]!, bad, good[1]!]);
  await (await stack.orders()).ORDER_EVENTS.send(message);

  const letters = await lettersWith("poison-2", 1);
  expect(letters.map(({ body }) => body)).toEqual([bad]);
  await levelBecomes(stack.operator, sku, { available: 3, held: 2 });
});

test("a letter that is replayed goes through its queue again; one that is discarded is gone", async () => {
  const { operator } = stack;
  await (await stack.orders()).STOCK_EVENTS.send({ hello: "poison-3" });
  const [letter] = await lettersWith("poison-3", 1);
  const replayed = await operator.call("POST", `/v1/dead-letters/${letter!.id}/replay`);
  expect([replayed.status, replayed.body]).toEqual([200, { id: letter!.id, outcome: "resent" }]);
  const again = await until("the letter again", async () =>
    (await lettersWith("poison-3", 1)).find(({ id }) => id !== letter!.id),
  );

  expect((await operator.call("DELETE", `/v1/dead-letters/${again.id}`)).status).toBe(204);
  expect((await operator.call("DELETE", `/v1/dead-letters/${again.id}`)).status).toBe(404);
  const left = await operator.deadLetters();
  expect(left.filter(({ body }) => JSON.stringify(body).includes("poison-3"))).toEqual([]);
});

test("invariant 11: replaying a dead order event again and again changes nothing extra", async () => {
  const { operator } = stack;
  const sku = await operator.stocked(5);
  const customer = await stack.customer("replayed");
  const { body } = await customer.place([{ sku, quantity: 1 }]);
  await settled(customer, [body.id]);
  const facts = { orderId: body.id, customerId: "replayed", lines: [{ sku, quantity: 1 }] };
  for (let i = 0; i < 3; i++) {
    // What the platform does with a message whose retries are spent.
    const dead = (await stack.stock()).ORDER_EVENTS_DLQ;
    await dead.send(orderEvent("order.placed", facts, Date.now()));
    const [letter] = await lettersWith(body.id, 1);
    expect(letter).toMatchObject({ queue: "order-events", error: "retries exhausted" });
    const reply = await operator.call("POST", `/v1/dead-letters/${letter!.id}/replay`);
    expect(reply.body).toEqual({ id: letter!.id, outcome: "reconciled" });
    const repeated = await operator.call("POST", `/v1/dead-letters/${letter!.id}/replay`);
    expect(repeated.status).toBe(404);
  }
  expect(await customer.order(body.id)).toMatchObject({ status: "confirmed", revision: 2 });
  expect(await operator.level(sku)).toMatchObject({ available: 4, held: 1 });
  expect(await expectLedgerReplays(operator, sku)).toHaveLength(2);
});

test("dead letters are for operators only", async () => {
  const customer = await stack.customer("curious");
  expect((await customer.call("GET", "/v1/dead-letters")).status).toBe(403);
  expect((await stack.anyone.call("GET", "/v1/dead-letters")).status).toBe(401);
});
