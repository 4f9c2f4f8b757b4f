import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import type { Dashboard } from "../../src/orders/operators/dashboard.sql.ts";
import { passAt } from "./support/reconcile.ts";
import { DAY_MS, insertRows } from "./support/rows.ts";
import { deliver, settleAll } from "./support/stock.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  WAIT,
  worldOf,
  type World,
} from "./support/world.ts";

beforeEach(async () => {
  await reset();
  await migrate();
});

async function operations(world: World): Promise<Dashboard> {
  const { status, body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
  expect(status).toBe(200);
  return body as unknown as Dashboard;
}

async function reality(): Promise<Dashboard["orders"]> {
  const orders = { pending: 0, confirmed: 0, paid: 0, cancelled: 0, returned: 0 };
  const { results } = await env.DB.prepare(
    "SELECT status, count(*) AS n FROM orders GROUP BY status",
  ).all<{ status: keyof typeof orders; n: number }>();
  for (const { status, n } of results) orders[status] = n;
  return orders;
}

/** One order of every fate there is, each twice, most of them moved twice for good measure. */
async function mixed(world: World): Promise<string> {
  const sku = await world.stocked(40, { limitPerCustomer: 5 });
  const place = async (headers = {}, quantity = 1) => {
    const { body } = await world.place(newCustomer(), [{ sku, quantity }], headers);
    return body.order?.id ?? body.id;
  };
  for (let i = 0; i < 2; i++) {
    await place();
    await place(WAIT);
    await place(WAIT, 6); // limit_exceeded
    for (const id of [await place(WAIT), await place(WAIT)]) await world.cancel(id);
    for (const id of [await place(WAIT), await place(WAIT), await place(WAIT)]) {
      await world.pay(id);
      await world.pay(id);
      await world.cancel(id);
    }
    const pending = await place();
    await world.cancel(pending);
  }
  const events = world.sent.filter(({ type }) => type !== "order.placed");
  const { outcomes } = await deliver(events);
  await settleAll([...outcomes, ...outcomes]);
  return sku;
}

describe("GET /v1/operations", () => {
  test("counts what is there, whatever was moved, repeated, expired or given up", async () => {
    const world = await worldOf({ vars: { PAYMENT_WINDOW_SECONDS: "60" } });
    await mixed(world);
    const before = await reality();
    expect(before).toEqual({ pending: 2, confirmed: 2, paid: 6, cancelled: 8, returned: 0 });
    expect((await operations(world)).orders).toEqual(before);
    await passAt(Date.now() + DAY_MS);
    const after = await reality();
    expect(after).toEqual({ pending: 0, confirmed: 0, paid: 6, cancelled: 12, returned: 0 });
    expect((await operations(world)).orders).toEqual(after);
  });

  test("gives 60 minutes, oldest first, the running one last, those without orders too", async () => {
    const world = await worldOf();
    await mixed(world);
    const minute = Math.floor(Date.now() / 60_000);
    await insertRows("minutes", [
      {
        minute: minute - 58,
        placed: 7,
        confirmed: 6,
        paid: 5,
        cancelled: 4,
        refused: 3,
        ms_100: 3,
      },
      {
        minute: minute - 70,
        placed: 9,
        confirmed: 9,
        paid: 0,
        cancelled: 0,
        refused: 0,
        ms_100: 9,
      },
    ]);
    const { perMinute } = await operations(world);
    expect(perMinute).toHaveLength(60);
    const times = perMinute.map((one) => Date.parse(one.minute));
    expect(times).toEqual(times.map((_, i) => (times[59] ?? 0) - (59 - i) * 60_000));
    // The test may have crossed into the next minute.
    expect([minute * 60_000, (minute + 1) * 60_000]).toContain(times[59]);
    const old = perMinute.find(({ placed }) => placed === 7);
    expect(old).toMatchObject({ confirmed: 6, paid: 5, cancelled: 4, refused: 3 });
    expect(old?.settleLatencyMs).toEqual({ p50: 88, p99: 100 });
    expect(Date.parse(old?.minute ?? "")).toBe((minute - 58) * 60_000);
    const sum = (name: "placed" | "confirmed" | "paid" | "cancelled") =>
      perMinute.slice(2).reduce((total, one) => total + one[name], 0);
    // Two are pending still: they are counted when they leave it.
    expect([sum("placed"), sum("confirmed"), sum("paid"), sum("cancelled")]).toEqual([
      16, 12, 6, 8,
    ]);
    expect(perMinute[20]).toEqual({
      minute: expect.any(String),
      placed: 0,
      confirmed: 0,
      paid: 0,
      cancelled: 0,
      refused: 0,
      refusedAtDoor: 0,
      settleLatencyMs: { p50: null, p99: null },
    });
  });

  test("gives the settle latency of the last 15 minutes only", async () => {
    const world = await worldOf();
    const latencies = async () => (await operations(world)).settleLatencyMs;
    expect(await latencies()).toEqual({ p50: null, p95: null, p99: null });
    const minute = Math.floor(Date.now() / 60_000);
    await insertRows("minutes", [
      { minute: minute - 16, ms_5: 0, ms_10: 0, ms_60000: 1_000 },
      { minute: minute - 13, ms_5: 0, ms_10: 90, ms_60000: 0 },
      { minute: minute, ms_5: 0, ms_10: 0, ms_60000: 10 },
    ]);
    expect(await latencies()).toEqual({ p50: 8, p95: 45_000, p99: 57_000 });
  });

  test("measures from placing to the outcome, and only what stock decided", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const sku = await world.stocked(5);
    const place = async (quantity: number) => {
      const { body } = await world.place(newCustomer(), [{ sku, quantity }]);
      return body.id;
    };
    const [confirmed, refused, cancelled] = [await place(1), await place(9), await place(1)];
    await world.cancel(cancelled);
    await env.DB.prepare("UPDATE orders SET placed_at = placed_at - 4000").run();
    await settleAll((await deliver(world.sent)).outcomes);
    expect((await orderNow(confirmed)).status).toBe("confirmed");
    expect((await orderNow(refused)).status).toBe("cancelled");
    const row = await env.DB.prepare(
      "SELECT sum(ms_5000) AS slow, sum(ms_more) AS more, sum(placed) AS placed FROM minutes",
    ).first();
    expect(row).toEqual({ slow: 2, more: 0, placed: 3 });
  });

  test("tells what is unsettled, and since when", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    expect((await operations(world)).unsettled).toEqual({ count: 0, oldestAgeSeconds: 0 });
    const { body: paid } = await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    await world.pay(paid.id);
    await world.place(newCustomer(), [{ sku, quantity: 1 }]);
    await env.DB.prepare("UPDATE orders SET updated_at = updated_at - 90000 WHERE id = ?")
      .bind(paid.id)
      .run();
    const { unsettled, orders } = await operations(world);
    expect(unsettled.count).toBe(2);
    expect([90, 91]).toContain(unsettled.oldestAgeSeconds);
    expect(orders).toEqual({ pending: 1, confirmed: 0, paid: 1, cancelled: 0, returned: 0 });
    await settleAll((await deliver(world.sent)).outcomes);
    expect((await operations(world)).unsettled).toEqual({ count: 0, oldestAgeSeconds: 0 });
  });

  test("a confirmed order that waits for payment is not unsettled", async () => {
    const world = await worldOf({ vars: { PAYMENT_WINDOW_SECONDS: "600" } });
    const sku = await world.stocked(5);
    await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    expect(await operations(world)).toMatchObject({
      unsettled: { count: 0 },
      orders: { pending: 0, confirmed: 1 },
    });
  });

  test("counts breaches and dead letters", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const { body } = await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    await world.cancel(body.id);
    await settleAll((await deliver(world.sent)).outcomes);
    const paid = world.sent.map((event) => ({ ...event, type: "order.paid" as const }));
    const { ended, outcomes } = await deliver(paid);
    expect(ended).toEqual(["retry"]);
    await settleAll(outcomes);
    const letter = { queue: "q", body: "{}", attempts: 1, error: "", at: Date.now() };
    await insertRows("dead_letters", [
      { id: "a", ...letter },
      { id: "b", ...letter },
    ]);
    expect(await operations(world)).toMatchObject({ breaches: 1, deadLetters: 2 });
  });
});
