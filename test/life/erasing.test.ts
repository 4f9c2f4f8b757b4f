import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { v7 } from "uuid";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { SYSTEM } from "../../src/contract/actor.ts";
import type { StockApi } from "../../src/contract/stock-api.ts";
import { getDeadLetter, storeDeadLetters } from "../../src/orders/dead-letters/dead-letters.sql.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import type { StockItem } from "../../src/stock/item/stock-item.ts";
import { POLICY } from "../support/order.ts";
import { compareAll } from "./support/differences.ts";
import { expired, paymentOf, report, settleDown, WINDOW } from "./support/money.ts";
import { passAt } from "./support/reconcile.ts";
import { recover, restore, settleEverything, thaw } from "./support/recovery.ts";
import { beat, pass_ms, snapshot } from "./support/restore.ts";
import { DAY_MS } from "./support/rows.ts";
import { customerUnits, expectSettled, ledgerOf } from "./support/stock.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  WAIT,
  type World,
  worldOf,
} from "./support/world.ts";

beforeAll(migrate);
afterEach(() => void vi.useRealTimers());

const erase = async (world: World, id: string) => {
  const path = `/v1/customers/${encodeURIComponent(id)}`;
  return (await world.call("DELETE", path, { as: OPERATOR })).status;
};

/** Every table of D1 and of the item, as text. */
async function everything(sku: string): Promise<string> {
  const tables = [
    "orders",
    "idempotency_keys",
    "presence",
    "dead_letters",
    "payments",
    "returns",
    "erasures",
  ];
  const rows = await env.DB.batch(tables.map((table) => env.DB.prepare(`SELECT * FROM ${table}`)));
  const item = await runInDurableObject(env.ITEM.getByName(sku), (_: StockItem, { storage }) =>
    ["locks", "customers", "movements", "operations", "returns"].map((table) =>
      storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
    ),
  );
  return JSON.stringify([rows.map(({ results }) => results), item]);
}

/** A customer with a cancelled, a paid and a returned order of an item with a limit. */
async function customerWithOrders(world: World, customer = newCustomer()) {
  const sku = await world.stocked(20, { limitPerCustomer: 10 });
  const headers = { ...WAIT, "Idempotency-Key": v7() };
  const body = { lines: [{ sku, quantity: 2 }], metadata: { name: `for ${customer}` } };
  const { body: first } = await world.call("POST", "/v1/orders", { as: customer, body, headers });
  await world.call("POST", `/v1/orders/${first.id}/cancel`, { as: customer });
  const ids = [first.id];
  for (const _ of [1, 2]) {
    const { id } = (await world.place(customer, [{ sku, quantity: 3 }], WAIT)).body;
    await world.pay(id);
    ids.push(id);
  }
  await settleDown(world);
  await world.call("POST", `/v1/orders/${ids[2]}/returns`, {
    as: OPERATOR,
    body: { lines: [{ sku, quantity: 1 }], restock: true, reason: "late" },
    headers: { "Idempotency-Key": v7() },
  });
  await passAt(Date.now() + 100, { vars: world.env });
  await env.DB.prepare("INSERT INTO presence (customer_id, since) VALUES (?, 1)")
    .bind(customer)
    .run();
  await env.DB.prepare(
    `INSERT INTO dead_letters (id, queue, body, attempts, error, at)
     VALUES (?1, 'q', json_object('customerId', ?2), 1, 'e', 1)`,
  )
    .bind(v7(), customer)
    .run();
  return { sku, customer, ids };
}

describe("DELETE /v1/customers/:id", () => {
  test.each([newCustomer(), `a/b c%"'\\ ${v7()}`, `ünïcødé ${v7()}`])(
    "leaves nothing that names the customer %s",
    async (name) => {
      const world = await worldOf();
      const { sku, customer, ids } = await customerWithOrders(world, name);
      const before = await ledgerOf(sku);
      const named = JSON.stringify(customer).slice(1, -1);
      expect(await everything(sku)).toContain(named);
      expect(await erase(world, customer)).toBe(204);
      expect(await erase(world, customer)).toBe(204);
      expect(await everything(sku)).not.toContain(named);
      const orders = await expectSettled(sku, ids);
      const [erased] = new Set(orders.map(({ customerId }) => customerId));
      expect(erased).toMatch(/^erased_[0-9a-f-]{36}$/);
      expect(orders.map(({ customerId }) => customerId)).toEqual([erased, erased, erased]);
      expect(orders.map(({ metadata }) => metadata)).toEqual([null, null, null]);
      expect(orders[0]?.history[0]?.actor).toEqual({ kind: "customer", sub: erased });
      expect(await customerUnits(sku)).toEqual({ [erased!]: 5 });
      expect(await ledgerOf(sku)).toEqual(before);
      const { differences } = await compareAll();
      expect(differences.filter((one) => one.sku === sku)).toEqual([]);
    },
  );

  test("changes what names the customer in dead letters, and nothing else that is the same text", async () => {
    const world = await worldOf();
    const letter = {
      type: "order.returned",
      customerId: "42",
      lines: [{ sku: "42", quantity: 1 }],
      origin: { lines: [{ sku: "42", name: "42" }], keyOwner: "42", key: "42" },
      actor: { kind: "customer", sub: "42" },
      reason: 'she said "customerId":"42"',
    };
    const others = { ...letter, customerId: "7", origin: undefined, actor: SYSTEM };
    const stored = (id: string, body: object) => {
      const common = { id, queue: "order-events", attempts: 1, error: "no" };
      return { ...common, body, at: new Date().toISOString() };
    };
    await storeDeadLetters(env.DB, [stored("own", letter), stored("others", others)]);
    expect(await erase(world, "42")).toBe(204);
    const own = (await getDeadLetter(env.DB, "own"))?.body as typeof letter;
    expect(own.customerId).toMatch(/^erased_/);
    expect(own).toEqual({
      ...letter,
      customerId: own.customerId,
      origin: { ...letter.origin, keyOwner: own.customerId },
      actor: { kind: "customer", sub: own.customerId },
    });
    const { origin: _none, ...kept } = others;
    expect((await getDeadLetter(env.DB, "others"))?.body).toEqual(kept);
  });

  test("of a customer that nobody knows is done: 204", async () => {
    expect(await erase(await worldOf(), newCustomer())).toBe(204);
  });

  test("is refused while an order is not finished or not settled, and changes nothing", async () => {
    const world = await worldOf();
    const { sku, customer, ids } = await customerWithOrders(world);
    const { id } = (await world.place(customer, [{ sku, quantity: 1 }], WAIT)).body;
    expect(await erase(world, customer)).toBe(409);
    await world.pay(id);
    expect(await erase(world, customer)).toBe(409);
    expect((await orderNow(ids[0]!)).customerId).toBe(customer);
    await settleDown(world);
    expect(await erase(world, customer)).toBe(204);
  });

  test("is refused while a return is not applied", async () => {
    const world = await worldOf();
    const { sku, customer, ids } = await customerWithOrders(world);
    await world.call("POST", `/v1/orders/${ids[1]}/returns`, {
      as: OPERATOR,
      body: { lines: [{ sku, quantity: 1 }], restock: true, reason: "late" },
      headers: { "Idempotency-Key": v7() },
    });
    expect(await erase(world, customer)).toBe(409);
    await passAt(Date.now() + 100, { vars: world.env });
    expect(await erase(world, customer)).toBe(204);
  });

  test("that dies between the items and the orders is finished by the next one", async () => {
    const world = await worldOf();
    const { sku, customer, ids } = await customerWithOrders(world);
    let calls = 0;
    const stock: Partial<StockApi> = {
      eraseCustomer: async (...args) => {
        calls++;
        await env.STOCK.eraseCustomer(...args);
        throw new Error("the reply was lost");
      },
    };
    const dying = await worldOf({ stock });
    expect(await erase(dying, customer)).toBe(503);
    expect(calls).toBe(1);
    expect((await orderNow(ids[1]!)).customerId).toBe(customer);
    expect(await erase(await worldOf(), customer)).toBe(204);
    expect(await everything(sku)).not.toContain(customer);
  });

  describe("whose orders were pruned", () => {
    const vars = { FINISHED_ORDER_RETENTION_DAYS: "2" };
    const forgotten = async () => {
      const { sku, customer } = await customerWithOrders(await worldOf());
      pass_ms(3 * DAY_MS);
      await prune(env.DB, { ...POLICY, orderRetention_ms: 2 * DAY_MS }, NO_CURSORS, Date.now());
      const found = env.DB.prepare("SELECT 1 FROM orders WHERE customer_id = ?").bind(customer);
      expect(await found.first()).toBeNull();
      return { sku, customer };
    };

    test("leaves no name at the items", async () => {
      const { sku, customer } = await forgotten();
      const units = (await customerUnits(sku))[customer];
      expect(units).toBe(5);
      expect(await erase(await worldOf({ vars }), customer)).toBe(204);
      expect(await everything(sku)).not.toContain(customer);
      expect(Object.values(await customerUnits(sku))).toEqual([units]);
    });

    test("goes on where an item did not answer", async () => {
      const [one, two] = [await forgotten(), await forgotten()];
      const { customer } = two;
      const asked: string[] = [];
      const stockOf = (isAway: boolean): Partial<StockApi> => ({
        skus: async (after) =>
          after === "" ? { skus: [one.sku], next: one.sku } : { skus: [two.sku], next: null },
        eraseCustomer: async (sku, erasure) => {
          asked.push(sku);
          if (isAway && sku === two.sku) throw new Error("the item is away");
          return await env.STOCK.eraseCustomer(sku, erasure);
        },
      });
      const walk = async () => (await env.DB.prepare("SELECT * FROM erasures").all()).results;
      expect(await erase(await worldOf({ vars, stock: stockOf(true) }), customer)).toBe(503);
      expect(await walk()).toMatchObject([{ customer_id: customer, after_sku: one.sku }]);
      expect(await erase(await worldOf({ vars, stock: stockOf(false) }), customer)).toBe(204);
      expect(asked).toEqual([one.sku, two.sku, two.sku]);
      expect(await walk()).toEqual([]);
      expect(await everything(two.sku)).not.toContain(customer);
    });
  });

  test("late money for an erased customer's order places none, and is to be refunded", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id, customer } = await expired(world);
    expect(await erase(world, customer)).toBe(204);
    const { payment } = await report(world, paymentOf(id));
    expect([payment.state, payment.why]).toEqual(["unmatched", "ended"]);
  });

  test("is for operators alone", async () => {
    const world = await worldOf();
    const customer = newCustomer();
    const path = `/v1/customers/${customer}`;
    expect((await world.call("DELETE", path, { as: customer })).status).toBe(403);
  });
});

test("a database that was put back names nobody again whose orders the items know as erased", async () => {
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  const world = await worldOf();
  const { sku, customer, ids } = await customerWithOrders(world);
  const keyed = { ...WAIT, "Idempotency-Key": "k" };
  // Confirmed in the restored database, and paid before the customer is erased.
  const { id } = (await world.place(customer, [{ sku, quantity: 1 }], keyed)).body;
  await beat();
  const before = await snapshot();
  await world.pay(id);
  await settleEverything(world);
  expect(await erase(world, customer)).toBe(204);
  const { customerId: erased } = await orderNow(id);
  await restore(before);
  expect((await orderNow(id)).customerId).toBe(customer);
  const told = await recover(world, false);
  expect(await everything(sku)).toContain(customer);
  const done = await recover(world);
  for (const { orders } of [told, done]) {
    const named = orders.filter(({ customerId }) => customerId === erased);
    expect(named.map(({ orderId }) => orderId).toSorted()).toEqual([...ids, id].toSorted());
  }
  await env.DB.prepare("DELETE FROM presence").run();
  expect(await everything(sku)).not.toContain(customer);
  await thaw(world);
  await settleEverything(world);
  await expectSettled(sku, [...ids, id]);
});
