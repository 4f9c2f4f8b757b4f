import { expect, test } from "vitest";
import { expectLedgerReplays, expectReadModelFollows, settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";

// Without the gate every order reaches the items, also those that cannot be filled.
const stack = useStack({ SOLD_OUT_GATE: "off" });

test("invariant 5: carts in opposite orders get all of their lines or none", async () => {
  const { operator } = stack;
  const units = [30, 25, 20];
  const skus = await Promise.all(units.map((n) => operator.stocked(n)));
  const lines = skus.map((sku) => ({ sku, quantity: 1 }));
  const placed = await Promise.all(
    Array.from({ length: 60 }, async (_, i) => {
      const customer = await stack.customer(`cart-${i}`);
      return customer.place(i % 2 === 0 ? lines : lines.toReversed());
    }),
  );
  const ids = placed.map(({ body }) => body.id);
  const orders = await settled(operator, ids);

  const confirmed = orders.filter(({ status }) => status === "confirmed");
  const cancelled = orders.filter(({ reason }) => reason === "out_of_stock");
  expect(confirmed.length + cancelled.length).toBe(60);
  expect(confirmed.length).toBeGreaterThan(0);
  expect(confirmed.length).toBeLessThanOrEqual(20);
  expect(cancelled.every(({ shortages }) => shortages && shortages.length > 0)).toBe(true);

  for (const [i, sku] of skus.entries()) {
    const movements = await expectLedgerReplays(operator, sku);
    for (const { id, status } of orders) {
      const own = movements.filter(({ orderId }) => orderId === id).map(({ kind }) => kind);
      expect(status === "confirmed" ? [["lock"]] : [[], ["lock", "release"]]).toContainEqual(own);
    }
    expect(await operator.level(sku)).toMatchObject({
      available: units[i]! - confirmed.length,
      held: confirmed.length,
    });
    await expectReadModelFollows(operator, sku);
  }
});

test("invariant 5: one line that is short leaves the other line's stock alone", async () => {
  const { operator } = stack;
  const [plenty, none] = await Promise.all([operator.stocked(5), operator.stocked(0)]);
  const customer = await stack.customer("unlucky");
  const { body } = await customer.place([
    { sku: plenty, quantity: 2 },
    { sku: none, quantity: 1 },
  ]);
  const [order] = await settled(customer, [body.id]);
  expect(order).toMatchObject({ status: "cancelled", reason: "out_of_stock" });
  expect(order?.shortages).toEqual([
    { sku: none, requested: 1, available: 0, reason: "out_of_stock" },
  ]);
  expect(await operator.level(plenty)).toMatchObject({ available: 5, held: 0 });
  expect(await operator.level(none)).toMatchObject({ available: 0, held: 0 });
});
