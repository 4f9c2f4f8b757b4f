import { describe, expect, test } from "vitest";
import type { Client } from "./support/client.ts";
import {
  expectBalanced,
  expectLedgerReplays,
  expectReadModelFollows,
  settled,
} from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

const UNITS = 50;
const ORDERS = 200;

describe("with the sold-out gate", () => {
  const stack = useStack();

  test("an order that cannot be filled is refused at the door and leaves no row", async () => {
    const sku = await stack.operator.stocked(1);
    const customer = await stack.customer("late");
    const refused = await customer.place([{ sku, quantity: 2 }]);
    expect([refused.status, refused.body.code]).toEqual([409, "out_of_stock"]);
    expect(refused.headers.get("content-type")).toContain("application/problem+json");
    expect(refused.body.shortages).toEqual([
      { sku, requested: 2, available: 1, reason: "out_of_stock" },
    ]);
    expect(await customer.get("/v1/orders")).toEqual({ orders: [], nextCursor: null });
  });

  test("restocking opens the gate within two seconds", async () => {
    const sku = await stack.operator.stocked(1);
    const customer = await stack.customer("patient");
    expect((await customer.place([{ sku, quantity: 2 }])).status).toBe(409);
    await stack.operator.receive(sku, 1);
    const again = async () => {
      const reply = await customer.place([{ sku, quantity: 2 }]);
      return reply.status === 202 && reply;
    };
    const { body } = await until("the gate is open", again, 2_000);
    expect(await settled(customer, [body.id])).toMatchObject([{ status: "confirmed" }]);
  });

  test("invariant 2: of 200 orders at once for 50 units, 50 are confirmed", async () => {
    const sku = await stack.operator.stocked(UNITS);
    const { replies, orders } = await rush(sku, stack.operator, (i) => stack.customer(`rush-${i}`));
    const atTheDoor = replies.filter(({ status }) => status === 409);
    const confirmed = orders.filter(({ status }) => status === "confirmed");
    const cancelled = orders.filter(({ status }) => status === "cancelled");
    expect(atTheDoor.every(({ body }) => body.code === "out_of_stock")).toBe(true);
    expect(confirmed).toHaveLength(UNITS);
    expect(cancelled.length + atTheDoor.length).toBe(ORDERS - UNITS);
    await expectSoldOut(stack.operator, sku);
  });
});

describe("without the sold-out gate", () => {
  const stack = useStack({ SOLD_OUT_GATE: "off" });

  test("an order that cannot be filled is taken, then cancelled with its shortages", async () => {
    const sku = await stack.operator.stocked(1);
    const customer = await stack.customer("hopeful");
    const { status, body } = await customer.place([{ sku, quantity: 2 }]);
    expect([status, body.status]).toEqual([202, "pending"]);
    const [order] = await settled(customer, [body.id]);
    expect(order).toMatchObject({
      status: "cancelled",
      reason: "out_of_stock",
      revision: 2,
      shortages: [{ sku, requested: 2, available: 1, reason: "out_of_stock" }],
    });
    expect(await stack.operator.level(sku)).toMatchObject({ available: 1, held: 0 });
  });

  test("a customer who asks for more than the limit is refused with that reason", async () => {
    const sku = await stack.operator.stocked(10);
    const item = { name: "Few each", price: { amount: 1, currency: "EUR" }, limitPerCustomer: 2 };
    await stack.operator.call("PUT", `/v1/items/${sku}`, item);
    const customer = await stack.customer("collector");
    const placed = await Promise.all([1, 2, 3].map(() => customer.place([{ sku, quantity: 1 }])));
    const orders = await settled(
      customer,
      placed.map(({ body }) => body.id),
    );
    const outcomes = orders.map(({ status, reason }) => reason ?? status).toSorted();
    expect(outcomes).toEqual(["confirmed", "confirmed", "limit_exceeded"]);
    expect(await stack.operator.level(sku)).toMatchObject({ available: 8, held: 2 });
  });

  test("invariant 2: the stock items alone never grant more than there is", async () => {
    const sku = await stack.operator.stocked(UNITS);
    const { replies, orders } = await rush(sku, stack.operator, (i) => stack.customer(`rush-${i}`));
    expect(replies.every(({ status }) => status === 202)).toBe(true);
    const confirmed = orders.filter(({ status }) => status === "confirmed");
    const cancelled = orders.filter(({ reason }) => reason === "out_of_stock");
    expect([confirmed.length, cancelled.length]).toEqual([UNITS, ORDERS - UNITS]);
    expect(orders.every(({ revision }) => revision === 2)).toBe(true);
    await expectSoldOut(stack.operator, sku);
  });
});

/** 200 customers order one unit each at the same time, while an operator keeps reading the level. */
async function rush(sku: string, operator: Client, customerOf: (i: number) => Promise<Client>) {
  const customers = await Promise.all(Array.from({ length: ORDERS }, (_, i) => customerOf(i)));
  let isOver = false;
  const watching = until("the end of the rush", async () => {
    const level = await operator.level(sku);
    expectBalanced(level);
    expect(level.received).toBe(UNITS);
    return isOver;
  });
  const replies = await Promise.all(customers.map((c) => c.place([{ sku, quantity: 1 }])));
  const ids = replies.filter(({ status }) => status === 202).map(({ body }) => body.id);
  const orders = await settled(operator, ids);
  isOver = true;
  await watching;
  return { replies, orders };
}

async function expectSoldOut(operator: Client, sku: string): Promise<void> {
  const level = { sku, received: UNITS, available: 0, held: UNITS, sold: 0 };
  expect(await operator.level(sku)).toMatchObject(level);
  const movements = await expectLedgerReplays(operator, sku);
  expect(movements.filter(({ kind }) => kind === "lock")).toHaveLength(UNITS);
  await expectReadModelFollows(operator, sku);
}
