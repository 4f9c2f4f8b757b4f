import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { policyOf } from "../../src/orders/config/policy.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { eventually } from "../support/eventually.ts";
import { customerUnits, deliver, expectSettled, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, orderNow, OPERATOR, WAIT, worldOf } from "./support/world.ts";

beforeAll(migrate);

const SHUT = { type: "refused", refusal: { code: "sale_not_open" } };
const iso = (ms: number) => new Date(ms).toISOString();

describe("the sale window", () => {
  const start_ms = Date.parse("2030-05-01T10:00:00.000Z");
  const end_ms = Date.parse("2030-05-01T12:00:00.000Z");

  test.each([
    ["is closed a millisecond before it starts", start_ms - 1, SHUT],
    ["is open as it starts", start_ms, { type: "placed" }],
    ["is open a millisecond before it ends", end_ms - 1, { type: "placed" }],
    ["is closed as it ends", end_ms, SHUT],
  ])("%s", async (_, now_ms, expected) => {
    const world = await worldOf();
    const sku = await world.stocked(5, { saleStartsAt: iso(start_ms), saleEndsAt: iso(end_ms) });
    const candidate = {
      id: newOrderId(now_ms),
      customerId: newCustomer(),
      key: null,
      lines: [{ sku, quantity: 1 }],
    };
    const [placement] = await placeAll(env.DB, [candidate], policyOf(env), now_ms);
    expect(placement).toMatchObject(expected);
  });

  test.each([
    ["not yet", { saleStartsAt: iso(start_ms), saleEndsAt: iso(end_ms) }],
    ["not yet, with no end", { saleStartsAt: iso(start_ms), saleEndsAt: null }],
    ["no more", { saleStartsAt: null, saleEndsAt: "2020-01-01T00:00:00.000Z" }],
  ])("%s: 409 with the times, and no row", async (_, window) => {
    const world = await worldOf();
    const sku = await world.stocked(5, window);
    const customer = newCustomer();
    const { status, body } = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
    expect([status, body.code]).toEqual([409, "sale_not_open"]);
    expect(body).toMatchObject(window);
    const list = await world.call("GET", "/v1/orders", { as: customer });
    expect(list.body).toMatchObject({ orders: [] });
    expect(world.messages()).toBe(0);
  });

  test("comes before the stock, also right after a refusal for want of stock", async () => {
    const world = await worldOf();
    const gone = await world.stocked(1);
    const shut = await world.stocked(5, { saleStartsAt: iso(start_ms) });
    const [short, closed] = [
      { sku: gone, quantity: 2 },
      { sku: shut, quantity: 1 },
    ];
    expect((await world.place(newCustomer(), [short])).body.code).toBe("out_of_stock");
    const { body } = await world.place(newCustomer(), [short, closed]);
    expect(body.code).toBe("sale_not_open");
  });

  test("of several items: open only while all are, and the times are those of all", async () => {
    const world = await worldOf();
    const skus = [
      await world.stocked(5, { saleStartsAt: "2020-01-01T00:00:00Z", saleEndsAt: iso(end_ms) }),
      await world.stocked(5, { saleStartsAt: iso(start_ms) }),
      await world.stocked(5, { saleEndsAt: iso(end_ms + 1) }),
      await world.stocked(5),
    ];
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const { status, body } = await world.place(newCustomer(), lines);
    expect([status, body.code]).toEqual([409, "sale_not_open"]);
    expect(body).toMatchObject({ saleStartsAt: iso(start_ms), saleEndsAt: iso(end_ms) });
    const open = lines.filter((_, i) => i !== 1);
    expect((await world.place(newCustomer(), open)).status).toBe(202);
  });

  test("is not asked of a repeat whose order came in time", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const customer = newCustomer();
    const key = { "Idempotency-Key": "k" };
    const first = await world.place(customer, [{ sku, quantity: 1 }], key);
    const price = { amount: 100, currency: "EUR" };
    const body = { name: sku, price, saleEndsAt: "2020-01-01T00:00:00Z" };
    await world.call("PUT", `/v1/items/${sku}`, { as: OPERATOR, body });
    const repeat = await world.place(customer, [{ sku, quantity: 1 }], key);
    expect([repeat.status, repeat.body.id]).toEqual([202, first.body.id]);
  });
});

describe("the limit per customer", () => {
  test("counts all of a customer's live orders, paid ones too, and no other customer's", async () => {
    const world = await worldOf();
    const sku = await world.stocked(50, { limitPerCustomer: 3 });
    const [ann, bob] = [newCustomer(), newCustomer()];
    const buy = (customer: string, quantity: number) =>
      world.place(customer, [{ sku, quantity }], WAIT);
    const first = await buy(ann, 2);
    expect(first.status).toBe(201);
    await world.pay(first.body.id);
    await settleAll((await deliver(world.sent)).outcomes);
    const second = await buy(ann, 2);
    expect([second.status, second.body.code]).toEqual([409, "limit_exceeded"]);
    expect(second.body.shortages).toMatchObject([{ sku, requested: 2, reason: "limit_exceeded" }]);
    expect((await buy(ann, 1)).status).toBe(201);
    expect((await buy(ann, 1)).status).toBe(409);
    expect((await buy(bob, 3)).status).toBe(201);
    expect(await customerUnits(sku)).toEqual({ [ann]: 3, [bob]: 3 });
  });

  test("is not passed by concurrent orders over lane and queue", async () => {
    const world = await worldOf();
    const sku = await world.stocked(100, { limitPerCustomer: 4 });
    const customer = newCustomer();
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        world.place(customer, [{ sku, quantity: 1 }], i % 2 === 0 ? WAIT : {}),
      ),
    );
    const ids = answers.map(({ body }) => body.order?.id ?? body.id);
    const queued = ids.filter((_, i) => i % 2 === 1);
    // Under load the desk holds what it announces for a moment.
    await eventually(() => {
      expect(world.sent.map(({ orderId }) => orderId)).toEqual(expect.arrayContaining(queued));
    });
    await settleAll((await deliver(world.sent)).outcomes);
    const orders = await expectSettled(sku, ids);
    const outcomes = Map.groupBy(orders, ({ status, reason }) => reason ?? status);
    expect(outcomes.get("confirmed")).toHaveLength(4);
    expect(outcomes.get("limit_exceeded")).toHaveLength(26);
  });

  test("is given back with a cancelled order", async () => {
    const world = await worldOf();
    const sku = await world.stocked(10, { limitPerCustomer: 2 });
    const customer = newCustomer();
    const buy = () => world.place(customer, [{ sku, quantity: 2 }], WAIT);
    const { body } = await buy();
    expect((await buy()).status).toBe(409);
    expect((await world.cancel(body.id)).status).toBe(200);
    await settleAll((await deliver(world.sent)).outcomes);
    expect(await customerUnits(sku)).toEqual({});
    const again = await buy();
    expect(again.status).toBe(201);
    await expectSettled(sku, [body.id, again.body.id]);
  });

  test("of several items: one limit refuses the order, and what it took of the others is given back", async () => {
    const world = await worldOf();
    const [free, few] = [await world.stocked(9), await world.stocked(9, { limitPerCustomer: 1 })];
    const other = await world.stocked(9, { limitPerCustomer: 5 });
    const customer = newCustomer();
    const lines = [free, few, other].map((sku) => ({ sku, quantity: 2 }));
    const { status, body } = await world.place(customer, lines, WAIT);
    expect([status, body.code]).toEqual([409, "limit_exceeded"]);
    expect(body.shortages?.map(({ sku, reason }) => [sku, reason])).toEqual([
      [few, "limit_exceeded"],
    ]);
    for (const sku of [free, few, other]) await expectSettled(sku, [body.order?.id ?? ""]);
    expect(await customerUnits(other)).toEqual({});
  });

  test("travels with the line as placed", async () => {
    const world = await worldOf();
    const sku = await world.stocked(9, { limitPerCustomer: 5 });
    const { body } = await world.place(newCustomer(), [{ sku, quantity: 4 }]);
    const item = { name: sku, price: { amount: 1, currency: "EUR" }, limitPerCustomer: 1 };
    await world.call("PUT", `/v1/items/${sku}`, { as: OPERATOR, body: item });
    await settleAll((await deliver(world.sent)).outcomes);
    expect(await orderNow(body.id)).toMatchObject({ status: "confirmed" });
  });
});
