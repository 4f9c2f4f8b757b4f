import { expect, test } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import { expectLedgerReplays, levelBecomes, settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** Enough for a slow machine to pay an order once it has seen it confirmed. */
const WINDOW_MS = 8_000;
const stack = useStack({ PAYMENT_WINDOW_SECONDS: "8" });

test("an unpaid order expires at payBy by itself, a paid one does not", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("slow-payer");
  const placed = await Promise.all([1, 1].map((quantity) => customer.place([{ sku, quantity }])));
  const orders = await settled(
    customer,
    placed.map(({ body }) => body.id),
  );
  for (const { status, payBy, updatedAt } of orders) {
    expect(status).toBe("confirmed");
    expect(Date.parse(payBy ?? "")).toBe(Date.parse(updatedAt) + WINDOW_MS);
  }
  const [paid, unpaid] = orders as [OrderView, OrderView];
  expect((await stack.operator.call("POST", `/v1/orders/${paid.id}/pay`)).status).toBe(200);

  const expired = await until("the expiry", async () => {
    const order = await customer.order(unpaid.id);
    return order.status === "cancelled" && order;
  });
  expect(expired).toMatchObject({ reason: "payment_timeout", revision: 3 });
  expect(Date.parse(expired.updatedAt)).toBeGreaterThanOrEqual(Date.parse(unpaid.payBy ?? ""));
  const late = await stack.operator.call<{ code: string }>("POST", `/v1/orders/${unpaid.id}/pay`);
  expect([late.status, late.body.code]).toEqual([409, "not_payable"]);
  await levelBecomes(stack.operator, sku, { available: 4, held: 0, sold: 1 });
  expect(await customer.order(paid.id)).toMatchObject({ status: "paid", revision: 3 });
  const movements = await expectLedgerReplays(stack.operator, sku);
  expect(movements.map(({ kind }) => kind).toSorted()).toEqual(
    ["receive", "lock", "lock", "commit", "release"].toSorted(),
  );
});

test("orders that wait are confirmed in their answer, and expire the same", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("waits");
  const body = { lines: [{ sku, quantity: 2 }] };
  const reply = await customer.call<OrderView>("POST", "/v1/orders", body, { prefer: "wait=5" });
  expect([reply.status, reply.body.status]).toEqual([201, "confirmed"]);
  expect(reply.headers.get("preference-applied")).toBe("wait=5");
  await levelBecomes(stack.operator, sku, { available: 5, held: 0 });
  expect(await customer.order(reply.body.id)).toMatchObject({ reason: "payment_timeout" });
});
