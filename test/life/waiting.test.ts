import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { deliver, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, WAIT, worldOf } from "./support/world.ts";

beforeAll(migrate);

describe("a replay with Prefer: wait", () => {
  const key = { "Idempotency-Key": "again" };

  test("waits for the outcome of the order that is there", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const customer = newCustomer();
    const lines = [{ sku, quantity: 1 }];
    const first = await world.place(customer, lines, key);
    const replay = world.place(customer, lines, { ...key, ...WAIT });
    await eventually(() => expect(world.sent).toHaveLength(1));
    await settleAll((await deliver(world.sent)).outcomes);
    const { status, headers, body } = await replay;
    expect([status, body.id, body.status]).toEqual([201, first.body.id, "confirmed"]);
    expect(headers.get("Idempotency-Replayed")).toBe("true");
    expect(headers.get("Preference-Applied")).toBe("wait=5");
    expect(headers.get("Location")).toBe(`/v1/orders/${body.id}`);
    expect(world.messages()).toBe(1);
  });

  test("answers by what became of the order: 409 refused, 200 cancelled or paid, 202 undecided", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const sku = await world.stocked(3);
    const replay = async (quantity: number, change?: (id: string) => Promise<unknown>) => {
      const customer = newCustomer();
      const lines = [{ sku, quantity }];
      const { body } = await world.place(customer, lines, { ...key, ...WAIT });
      await change?.(body.id);
      return world.place(customer, lines, { ...key, ...WAIT });
    };
    const refused = await replay(9);
    expect([refused.status, refused.body.code]).toEqual([409, "out_of_stock"]);
    expect(refused.body.order).toMatchObject({ status: "cancelled", reason: "out_of_stock" });
    expect(refused.headers.get("Idempotency-Replayed")).toBe("true");
    const cancelled = await replay(1, world.cancel);
    expect([cancelled.status, cancelled.body.reason]).toEqual([200, "operator_request"]);
    const paid = await replay(1, world.pay);
    expect([paid.status, paid.body.status]).toEqual([200, "paid"]);
    const customer = newCustomer();
    await world.place(customer, [{ sku, quantity: 1 }], key);
    const undecided = await world.place(customer, [{ sku, quantity: 1 }], {
      ...key,
      Prefer: "wait=1",
    });
    expect([undecided.status, undecided.body.status]).toEqual([202, "pending"]);
  });
});

describe("GET /v1/orders/:id with Prefer: wait", () => {
  test("waits until the order is decided", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const customer = newCustomer();
    const { body } = await world.place(customer, [{ sku, quantity: 1 }]);
    const waiting = world.call("GET", `/v1/orders/${body.id}`, { as: customer, headers: WAIT });
    await eventually(() => expect(world.sent).toHaveLength(1));
    await settleAll((await deliver(world.sent)).outcomes);
    const { status, headers, body: order } = await waiting;
    expect([status, order.status]).toEqual([200, "confirmed"]);
    expect(headers.get("Preference-Applied")).toBe("wait=5");
    expect(headers.get("Vary")).toBe("Prefer");
  });

  test("reads D1 once and then once a second, and answers with the pending order", async () => {
    const { db, trips } = observed(env.DB);
    const world = await worldOf({ db });
    const sku = await world.stocked(5);
    const customer = newCustomer();
    const { body } = await world.place(customer, [{ sku, quantity: 1 }]);
    // The last read of another test must not delay the first one here.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const before = trips.length;
    const { body: order } = await world.call("GET", `/v1/orders/${body.id}`, {
      as: customer,
      headers: { Prefer: "wait=2" },
    });
    expect(order.status).toBe("pending");
    const reads = trips.slice(before).map(({ sql }) => sql.join());
    // The order itself, and then whether it has changed: at once, after 1 s and after 2 s.
    expect(reads.length).toBeGreaterThanOrEqual(3);
    expect(reads.length).toBeLessThanOrEqual(4);
    expect(new Set(reads).size).toBe(1);
    expect(reads[0]).toMatch(/json_each.*revision >/s);
  });

  test("all who wait share a statement a second, and each hears of its own order", async () => {
    const { db, trips } = observed(env.DB);
    const world = await worldOf({ db });
    const sku = await world.stocked(5);
    const orders = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const customer = newCustomer();
        const { body } = await world.place(customer, [{ sku, quantity: 1 }]);
        return { customer, id: i % 20 === 0 ? crypto.randomUUID() : body.id };
      }),
    );
    const before = trips.length;
    const start_ms = Date.now();
    const answers = await Promise.all(
      orders.map(({ customer, id }) =>
        world.call("GET", `/v1/orders/${id}`, { as: customer, headers: { Prefer: "wait=2" } }),
      ),
    );
    const seconds = (Date.now() - start_ms) / 1_000;
    expect(trips.length - before).toBeLessThanOrEqual(seconds + 1);
    expect(answers.filter(({ status }) => status === 404)).toHaveLength(3);
    const found = answers.filter(({ status }) => status === 200);
    expect(new Set(found.map(({ body }) => body.id)).size).toBe(57);
    // Another's order is not shown, however it is read.
    const other = await world.call("GET", `/v1/orders/${orders[1]?.id}`, {
      as: newCustomer(),
      headers: { Prefer: "wait=1" },
    });
    expect(other.status).toBe(404);
  });

  test("does not wait without the preference, nor for a decided order", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const customer = newCustomer();
    const pending = await world.place(customer, [{ sku, quantity: 1 }]);
    const decided = await world.place(customer, [{ sku, quantity: 1 }], WAIT);
    const start_ms = Date.now();
    const get = (id: string, headers = {}) =>
      world.call("GET", `/v1/orders/${id}`, { as: customer, headers });
    expect((await get(pending.body.id)).body.status).toBe("pending");
    expect((await get(decided.body.id, WAIT)).body.status).toBe("confirmed");
    // The reads of those who wait are a second apart; who waits does so for 5 s.
    expect(Date.now() - start_ms).toBeLessThan(4_500);
  });
});
