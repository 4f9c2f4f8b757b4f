import { beforeAll, expect, test } from "vitest";
import { WINDOW } from "./support/money.ts";
import { passAt } from "./support/reconcile.ts";
import { migrate, newCustomer, OPERATOR, orderNow, WAIT, worldOf } from "./support/world.ts";

beforeAll(migrate);

test.each([
  ["nothing is due of", 100, 0, null],
  ["shipping is due of a free", 0, 490, "payment_timeout"],
  ["all is due of", 100, 100, "payment_timeout"],
])("%s order: it expires only if something is due", async (_, price, amountDue, reason) => {
  const world = await worldOf({ vars: WINDOW });
  const sku = await world.stocked(5, { price: { amount: price, currency: "EUR" } });
  const body = { lines: [{ sku, quantity: 1 }], customerId: newCustomer(), amountDue };
  const { body: order } = await world.call("POST", "/v1/orders", {
    as: OPERATOR,
    body,
    headers: WAIT,
  });
  expect(order.payBy === null).toBe(reason === null);
  await passAt(Date.now() + 600_001, { vars: WINDOW });
  expect((await orderNow(order.id)).reason).toBe(reason);
});

test("a refusal for the limit names the customer's own orders that count and can still end", async () => {
  const world = await worldOf({ vars: WINDOW });
  const sku = await world.stocked(20, { limitPerCustomer: 5 });
  const other = await world.stocked(20);
  const [customer, stranger] = [newCustomer(), newCustomer()];
  const place = async (quantity: number, of = sku, as = customer) =>
    (await world.place(as, [{ sku: of, quantity }], WAIT)).body;
  const confirmed = await place(2);
  const paid = await place(1);
  await world.pay(paid.id);
  const cancelled = await place(1);
  await world.cancel(cancelled.id);
  await place(1, other);
  await place(1, sku, stranger);
  const refused = await place(3);
  expect(refused.code).toBe("limit_exceeded");
  const named = refused["unfinishedOrders"] as { id: string }[];
  expect(named.map(({ id }) => id)).toEqual([confirmed.id]);
});
