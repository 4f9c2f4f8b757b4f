import { v7 } from "uuid";
import { describe, expect, test } from "vitest";
import { start } from "./support/npm-start.ts";
import { preparedState } from "./support/prepared-state.ts";
import { expectLedgerReplays, levelBecomes, settled } from "./support/settled.ts";
import { until } from "./support/until.ts";

/** First due after 30 s, and then at most one backoff of up to 75 s when an attempt fell short. */
const SETTLE_MS = 150_000;
const TEST_MS = 400_000;

// Each test has its own processes, ports and state; most of their time is waiting.
describe.concurrent("invariant 7: with the stock Worker absent", { timeout: TEST_MS }, () => {
  test("orders are taken, and settle by themselves once both Workers run again", async (context) => {
    const state = await preparedState(context);
    const both = await start(context, [`--state=${state}`]);
    await both.ready();
    const sku = await both.operator.stocked(5);
    expect(await both.stop()).toBe(0);

    const alone = await start(context, [`--state=${state}`, "--only=orders"]);
    await alone.ready();
    const customer = await alone.customer("alice");
    const placed = await Promise.all(
      [2, 2, 2].map((quantity) => customer.place([{ sku, quantity }])),
    );
    expect(placed.map(({ status }) => status)).toEqual([202, 202, 202]);
    const ids = placed.map(({ body }) => body.id);
    const unreachable = await alone.operator.call<{ code: string }>(
      "GET",
      `/v1/items/${sku}/stock`,
    );
    expect([unreachable.status, unreachable.body.code]).toEqual([503, "unavailable"]);
    for (const id of ids) expect(await customer.order(id)).toMatchObject({ status: "pending" });
    expect(await alone.stop()).toBe(0);

    const again = await start(context, [`--state=${state}`]);
    await again.ready();
    const orders = await settled(again.operator, ids, SETTLE_MS);
    const statuses = orders.map(({ status }) => status).toSorted();
    expect(statuses).toEqual(["cancelled", "confirmed", "confirmed"]);
    expect(orders.every(({ revision }) => revision === 2)).toBe(true);
    expect(await again.operator.level(sku)).toMatchObject({ available: 1, held: 4 });
    await expectLedgerReplays(again.operator, sku);
  });

  test("a stock Worker that is started beside them settles them; what was cancelled takes nothing", async (context) => {
    const state = await preparedState(context);
    const alone = await start(context, [`--state=${state}`, "--only=orders"]);
    await alone.ready();
    const sku = `SKU-${v7()}`;
    const item = { name: "Late stock", price: { amount: 100, currency: "EUR" } };
    expect((await alone.operator.call("PUT", `/v1/items/${sku}`, item)).status).toBe(201);
    const customer = await alone.customer("alice");
    const [kept, dropped] = await Promise.all(
      [1, 1].map(() => customer.place([{ sku, quantity: 1 }])),
    );
    const cancelled = await customer.cancel(dropped!.body.id);
    expect([cancelled.status, cancelled.body.reason]).toEqual([200, "customer_request"]);

    const stock = await start(context, [`--state=${state}`, "--only=stock"]);
    await stock.ready();
    await until("stock received", () => alone.operator.receive(sku, 5));
    const [order] = await settled(customer, [kept!.body.id], SETTLE_MS);
    expect(order).toMatchObject({ status: "confirmed", revision: 2 });
    await levelBecomes(alone.operator, sku, { received: 5, available: 4, held: 1 });
    expect(await customer.order(dropped!.body.id)).toMatchObject({ revision: 2 });
    const movements = await expectLedgerReplays(alone.operator, sku);
    expect(movements.map(({ kind }) => kind)).toEqual(["receive", "lock"]);
  });
});
