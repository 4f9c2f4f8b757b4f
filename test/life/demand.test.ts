import { env } from "cloudflare:workers";
import { beforeAll, expect, test } from "vitest";
import type { DemandView } from "../../src/orders/operators/item-demand.ts";
import { addDoorRefusals } from "../../src/orders/order/door-refusals.sql.ts";
import { deliver } from "./support/stock.ts";
import { migrate, newCustomer, OPERATOR, WAIT, type World, worldOf } from "./support/world.ts";

beforeAll(migrate);

async function demandFor(world: World, sku: string): Promise<DemandView> {
  const { status, body } = await world.call("GET", `/v1/items/${sku}/demand`, { as: OPERATOR });
  expect(status).toBe(200);
  return body as unknown as DemandView;
}

async function order(world: World, sku: string, quantity: number): Promise<string> {
  const { body } = await world.place(newCustomer(), [{ sku, quantity }], WAIT);
  return body.order?.id ?? body.id;
}

const sum = (demand: DemandView, name: "asked" | "confirmed" | "refused" | "refusedAtDoor") =>
  demand.perMinute.reduce((total, one) => total + one[name], 0);

test("an item's demand has its orders, those that it refused and those that the door refused", async () => {
  const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
  const sku = await world.stocked(10);
  await world.pay(await order(world, sku, 3));
  await world.cancel(await order(world, sku, 2));
  await order(world, sku, 50);
  const minute = Math.floor(Date.now() / 60_000);
  await addDoorRefusals(
    env.DB,
    [
      { minute: minute - 7, sku, orders: 4, units: 9 },
      { minute: minute - 7, sku: "", orders: 5, units: 99 },
      { minute: minute - 7, sku: `${sku}2`, orders: 1, units: 90 },
      { minute: minute - 61, sku, orders: 100, units: 100 },
    ],
    Date.now(),
  );
  const demand = await demandFor(world, sku);
  expect(demand.perMinute).toHaveLength(60);
  expect(
    ["asked", "confirmed", "refused", "refusedAtDoor"].map((name) => sum(demand, name as "asked")),
  ).toEqual([7, 2, 1, 4]);
  expect(demand.units).toEqual({ asked: 64, confirmed: 5, refused: 50, refusedAtDoor: 9 });
  expect(demand.perMinute.find(({ refusedAtDoor }) => refusedAtDoor > 0)).toEqual({
    minute: new Date((minute - 7) * 60_000).toISOString(),
    asked: 4,
    confirmed: 0,
    refused: 0,
    refusedAtDoor: 4,
  });
  const times = demand.perMinute.map((one) => Date.parse(one.minute));
  expect(times).toEqual(times.map((_, i) => (times[59] ?? 0) - (59 - i) * 60_000));
  // The test may have crossed into the next minute.
  expect([minute * 60_000, (minute + 1) * 60_000]).toContain(times[59]);
});

test("an item's revenue stays what its units were sold for when the price changes, and its currency", async () => {
  const world = await worldOf();
  const sku = await world.stocked(10);
  await world.pay(await order(world, sku, 2));
  const price = { amount: 300, currency: "USD" };
  const body = { name: sku, price };
  expect((await world.call("PUT", `/v1/items/${sku}`, { as: OPERATOR, body })).status).toBe(200);
  await world.pay(await order(world, sku, 1));
  await order(world, sku, 1);
  await deliver(world.sent);
  expect(await demandFor(world, sku)).toMatchObject({
    partial: false,
    revenue: [
      { amount: 200, currency: "EUR", units: 2 },
      { amount: 300, currency: "USD", units: 1 },
    ],
    unitsWithoutPrice: 0,
  });
});

test("a stock Worker of an earlier version, which cannot be asked, is 503", async () => {
  const sku = await (await worldOf()).stocked(1);
  const world = await worldOf({ stock: {} });
  const { status, body } = await world.call("GET", `/v1/items/${sku}/demand`, { as: OPERATOR });
  expect([status, body.code]).toEqual([503, "unavailable"]);
});
