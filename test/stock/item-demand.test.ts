import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { MAX_DEMAND_LOCKS } from "../../src/contract/limits.ts";
import type { OrderEvent, Origin } from "../../src/contract/order-events.ts";
import { newOrderId, orderIdFloor } from "../../src/contract/order-id.ts";
import type { ItemCommand } from "../../src/stock/item/rules.ts";
import { StockApi } from "../../src/stock/stock-api.ts";
import {
  AHEAD_MS,
  apply,
  commit,
  event,
  item,
  lock,
  newOrders,
  receive,
  release,
  rows,
  setTime,
} from "./fixtures.ts";

const api = () => new StockApi(createExecutionContext(), env);

const MINUTE_MS = 60_000;
/** In the middle of a minute. */
const NOON_MS = Math.floor((Date.now() + AHEAD_MS) / MINUTE_MS) * MINUTE_MS + 30_000;
const NOW_MINUTE = Math.floor(NOON_MS / MINUTE_MS);

beforeEach(() => setTime(NOON_MS));
afterEach(() => vi.useRealTimers());

const originOf = (sku: string, price: number, currency = "EUR"): Origin => {
  const other = { sku: "OTHER", name: "Other", quantity: 1, price: 7 };
  return { lines: [other, { sku, name: sku, quantity: 1, price }], currency };
};

/** Places an order over the lane. */
async function place(sku: string, quantity: number, origin?: Origin): Promise<string> {
  const orderId = newOrderId(Date.now());
  const placed = event("order.placed", orderId, { [sku]: quantity });
  await api().execute([{ ...placed, ...(origin && { origin }) } as OrderEvent], 3_000);
  return orderId;
}

async function sell(sku: string, quantity: number, origin?: Origin): Promise<string> {
  const orderId = await place(sku, quantity, origin);
  await apply(sku, commit(orderId));
  return orderId;
}

const takeBack = (orderId: string, quantity: number, restock: boolean): ItemCommand => {
  const actor = { kind: "service", sub: "shop" } as const;
  const head = { type: "return", orderId, returnId: newOrderId(Date.now()) } as const;
  return { ...head, customerId: "ann", quantity, restock, reason: "too small", actor };
};

describe("the demand of an item", () => {
  test("counts what it locked and refused by the minute of the order, also what was released", async () => {
    await receive("minutes", 10);
    const [early] = newOrders(1, NOON_MS - 5 * MINUTE_MS) as [string];
    const [a, b, c, late] = newOrders(4, NOON_MS) as [string, string, string, string];
    const large = { quantity: 8 };
    await apply("minutes", lock(early, { quantity: 4 }), lock(a, large), lock(b, { quantity: 2 }));
    await apply("minutes", commit(early), release(b), lock(c), release(late));
    expect(await api().demand("minutes")).toMatchObject({
      minutes: [
        {
          minute: NOW_MINUTE - 5,
          locked: { orders: 1, units: 4 },
          refused: { orders: 0, units: 0 },
        },
        { minute: NOW_MINUTE, locked: { orders: 2, units: 3 }, refused: { orders: 1, units: 8 } },
      ],
      isPart: false,
    });
  });

  test("is that of the last 60 minutes", async () => {
    await receive("hour", 10);
    const first_ms = (NOW_MINUTE - 59) * MINUTE_MS;
    const times = [first_ms - 1, first_ms, NOON_MS];
    await apply("hour", ...times.flatMap((at_ms) => newOrders(1, at_ms).map((id) => lock(id))));
    const { minutes } = await api().demand("hour");
    expect(minutes.map(({ minute }) => minute)).toEqual([NOW_MINUTE - 59, NOW_MINUTE]);
  });

  test("of an item that was never asked is nothing", async () => {
    expect(await api().demand("quiet")).toEqual({
      minutes: [],
      isPart: false,
      revenue: [],
      unitsWithoutPrice: 0,
    });
  });

  test("is read once in two seconds, however many ask", async () => {
    await receive("often", 10);
    await apply("often", lock(newOrderId(NOON_MS)));
    const seen = async () => (await api().demand("often")).minutes[0]?.locked.orders;
    expect(await seen()).toBe(1);
    await apply("often", lock(newOrderId(NOON_MS)));
    setTime(NOON_MS + 1_999);
    expect(await seen()).toBe(1);
    setTime(NOON_MS + 2_000);
    expect(await seen()).toBe(2);
  });
});

describe("the revenue of an item", () => {
  test("is of what is sold, at the price of the order, by currency, without what came back", async () => {
    await receive("revenue", 20);
    const back = await sell("revenue", 4, originOf("revenue", 1_000));
    await sell("revenue", 2, originOf("revenue", 1_500));
    await sell("revenue", 1, originOf("revenue", 99, "USD"));
    await apply("revenue", takeBack(back, 1, true), takeBack(back, 1, false));
    await place("revenue", 3, originOf("revenue", 1_000));
    expect(await api().demand("revenue")).toMatchObject({
      revenue: [
        { currency: "EUR", amount: 5_000, units: 4 },
        { currency: "USD", amount: 99, units: 1 },
      ],
      unitsWithoutPrice: 0,
    });
  });

  test("does not have the units of orders whose price was not kept, and says how many", async () => {
    await receive("unpriced", 9);
    await sell("unpriced", 2, originOf("unpriced", 0));
    const old = await sell("unpriced", 5);
    await apply("unpriced", takeBack(old, 1, true));
    expect(await api().demand("unpriced")).toMatchObject({
      revenue: [{ currency: "EUR", amount: 0, units: 2 }],
      unitsWithoutPrice: 4,
    });
  });

  test("has what was locked again after the item was lost", async () => {
    await receive("relocked", 9);
    const orderId = newOrderId(NOON_MS);
    const origin = originOf("relocked", 250);
    const relock = { orderId, customerId: "ann", quantity: 2, state: "sold", origin } as const;
    expect(await api().relock("relocked", [relock])).toEqual([orderId]);
    const { revenue } = await api().demand("relocked");
    expect(revenue).toEqual([{ currency: "EUR", amount: 500, units: 2 }]);
  });
});

/** One order more than are read, a millisecond apart, the first one before `NOON_MS`. */
async function sellTooMany(sku: string): Promise<void> {
  const count = MAX_DEMAND_LOCKS + 1;
  await receive(sku, count);
  const id = (i: string) => `printf('%s7000-8000-%012x', ?, ${i})`;
  await rows(
    sku,
    `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${count - 2})
     INSERT INTO locks (order_id, quantity, state, price, currency)
     SELECT ${id("i")}, 1, 'sold', 3, 'EUR' FROM n`,
    orderIdFloor(NOON_MS),
  );
  await rows(
    sku,
    `INSERT INTO locks (order_id, quantity, state, price, currency)
     VALUES (${id("0")}, 1, 'sold', 1000, 'EUR')`,
    orderIdFloor(NOON_MS - MINUTE_MS),
  );
  await rows(sku, `UPDATE item SET available = 0, sold = ${count}`);
}

test("of more orders than one look reads, the newest ones count, and the answer says so", async () => {
  await sellTooMany("rush");
  const { isPart, revenue, unitsWithoutPrice } = await item("rush").demand();
  expect(isPart).toBe(true);
  expect(revenue).toEqual([
    { currency: "EUR", amount: 3 * MAX_DEMAND_LOCKS, units: MAX_DEMAND_LOCKS },
  ]);
  expect(unitsWithoutPrice).toBe(1);
});
