import { expect, test } from "vitest";
import { orderEvent } from "../../src/contract/order-events.ts";
import { stockOutcome } from "../../src/contract/stock-events.ts";
import type { Client } from "./support/client.ts";
import { expectLedgerReplays, levelBecomes, settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";

const stack = useStack();

/** Local queues deliver in order: when a later order is settled, what was sent before has arrived. */
async function passThrough(client: Client): Promise<void> {
  const sku = await stack.operator.stocked(1);
  const { body } = await client.place([{ sku, quantity: 1 }]);
  await settled(client, [body.id]);
}

test("invariant 6: an order event delivered again, and again after the cancel, takes nothing", async () => {
  const { operator } = stack;
  const sku = await operator.stocked(5);
  const customer = await stack.customer("twice");
  const { body } = await customer.place([{ sku, quantity: 2 }]);
  await settled(customer, [body.id]);
  let { ORDER_EVENTS: queue } = await stack.orders();
  const facts = { orderId: body.id, customerId: "twice", lines: [{ sku, quantity: 2 }] };
  const placed = orderEvent("order.placed", facts, Date.now());

  await queue.send(placed);
  await queue.send(placed);
  await passThrough(customer);
  expect(await operator.level(sku)).toMatchObject({ available: 3, held: 2 });
  expect(await customer.order(body.id)).toMatchObject({ status: "confirmed", revision: 2 });

  await customer.cancel(body.id);
  await levelBecomes(operator, sku, { available: 5, held: 0 });
  // Late means that no memory of the item is left but what it has written down.
  await stack.crash();
  ({ ORDER_EVENTS: queue } = await stack.orders());
  await queue.send(placed);
  await queue.send(orderEvent("order.cancelled", facts, Date.now()));
  await queue.send(placed);
  await passThrough(customer);
  expect(await operator.level(sku)).toMatchObject({ available: 5, held: 0 });
  expect(await customer.order(body.id)).toMatchObject({
    status: "cancelled",
    reason: "customer_request",
    revision: 3,
  });
  const movements = await expectLedgerReplays(operator, sku);
  expect(movements.map(({ kind }) => kind)).toEqual(["receive", "lock", "release"]);
});

test("invariant 4: a late or repeated stock event never revives a cancelled order", async () => {
  const sku = await stack.operator.stocked(5);
  const customer = await stack.customer("done");
  const { body } = await customer.place([{ sku, quantity: 1 }]);
  await settled(customer, [body.id]);
  const cancelled = (await customer.cancel(body.id)).body;
  await levelBecomes(stack.operator, sku, { available: 5, held: 0 });

  const { STOCK_EVENTS: queue } = await stack.orders();
  await queue.send(stockOutcome("stock.locked", body.id, Date.now()));
  await queue.send(stockOutcome("stock.committed", body.id, Date.now()));
  await queue.send(stockOutcome("stock.released", body.id, Date.now()));
  await passThrough(customer);
  expect(await customer.order(body.id)).toEqual(cancelled);
});
