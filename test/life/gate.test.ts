import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { StockItem } from "../../src/stock/item/stock-item.ts";
import { observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { deliver, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, WAIT, worldOf } from "./support/world.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const counts = async () => {
  const [orders, keys] = await env.DB.batch<{ n: number }>([
    env.DB.prepare("SELECT count(*) AS n FROM orders"),
    env.DB.prepare("SELECT count(*) AS n FROM idempotency_keys"),
  ]);
  return [orders?.results[0]?.n, keys?.results[0]?.n];
};
const keyed = (key: string) => ({ "Idempotency-Key": key });
/** Says that the item confirmed its level so long ago. */
const age = (sku: string, age_ms: number) =>
  env.DB.prepare("UPDATE items SET level_at = ? WHERE sku = ?")
    .bind(Date.now() - age_ms, sku)
    .run();

describe("the sold-out gate", () => {
  test.each([
    ["with a key", keyed("k")],
    ["without a key", {}],
    ["that waits", WAIT],
  ])(
    "an order %s that cannot be filled costs no row, no message and no object call",
    async (_, headers) => {
      const world = await worldOf();
      const sku = await world.stocked(1);
      const apply = vi.spyOn(StockItem.prototype, "apply");
      const before = await counts();
      for (let i = 0; i < 3; i++) {
        const { status, body } = await world.place(newCustomer(), [{ sku, quantity: 2 }], headers);
        expect([status, body.code, body.order]).toEqual([409, "out_of_stock", undefined]);
        expect(body.shortages).toEqual([
          { sku, requested: 2, available: 1, reason: "out_of_stock" },
        ]);
      }
      expect(await counts()).toEqual(before);
      expect(world.messages()).toBe(0);
      expect(apply).not.toHaveBeenCalled();
    },
  );

  test("names only the lines that are short, and lets what is there pass", async () => {
    const world = await worldOf();
    const [there, gone] = [await world.stocked(5), await world.stocked(0)];
    await world.receive(gone, 1);
    const customer = newCustomer();
    const lines = [
      { sku: there, quantity: 5 },
      { sku: gone, quantity: 2 },
    ];
    const { body } = await world.place(customer, lines);
    expect(body.shortages?.map(({ sku }) => sku)).toEqual([gone]);
    expect((await world.place(customer, lines.slice(0, 1))).status).toBe(202);
  });

  test("refuses keyless orders from memory for a second, without a look at D1", async () => {
    const { db, trips } = observed(env.DB);
    const world = await worldOf({ db });
    const sku = await world.stocked(1);
    const place = (headers = {}) => world.place(newCustomer(), [{ sku, quantity: 2 }], headers);
    expect((await place()).status).toBe(409);
    const asked = trips.length;
    for (let i = 0; i < 5; i++) {
      const { status, body } = await place();
      expect([status, body.code]).toEqual([409, "out_of_stock"]);
    }
    expect(trips).toHaveLength(asked);
    expect((await place(keyed("k"))).status).toBe(409);
    expect(trips.length).toBeGreaterThan(asked);
  });

  test("invariant 8: a repeat of a known key still gets its order; a refusal leaves its key free", async () => {
    const world = await worldOf();
    const sku = await world.stocked(2);
    const customer = newCustomer();
    const lines = [{ sku, quantity: 2 }];
    const first = await world.place(customer, lines, { ...keyed("mine"), ...WAIT });
    expect(first.status).toBe(201);
    await world.receive(sku, 1); // tells the level: 1 available
    const refused = await world.place(customer, lines, keyed("other"));
    expect([refused.status, refused.body.code]).toEqual([409, "out_of_stock"]);
    const repeat = await world.place(customer, lines, keyed("mine"));
    expect([repeat.status, repeat.body.id]).toEqual([200, first.body.id]);
    expect(repeat.headers.get("Idempotency-Replayed")).toBe("true");
    await world.receive(sku, 1);
    const now = await world.place(customer, lines, { ...keyed("other"), ...WAIT });
    expect([now.status, now.headers.get("Idempotency-Replayed")]).toEqual([201, null]);
  });

  test("closes by the level that comes with an outcome, and opens within 2 s of a restock", async () => {
    const world = await worldOf();
    const sku = await world.stocked(1);
    // It has just told its level, and does so once a second; a new one tells it with its next answer.
    await evictDurableObject(env.ITEM.getByName(sku));
    const order = () => world.place(newCustomer(), [{ sku, quantity: 1 }]);
    expect((await order()).status).toBe(202);
    await eventually(() => expect(world.sent).toHaveLength(1));
    const { outcomes } = await deliver(world.sent);
    expect(outcomes.map(({ type }) => type)).toEqual(["stock.locked", "stock.level"]);
    await settleAll(outcomes);
    expect((await order()).status).toBe(409);
    await world.receive(sku, 50);
    await vi.waitFor(async () => expect((await order()).status).toBe(202), {
      timeout: 2_000,
      interval: 100,
    });
  });

  test("trusts a level for 90 s: an older one refuses nobody", async () => {
    const world = await worldOf();
    const sku = await world.stocked(1);
    const place = (key: string) => world.place(newCustomer(), [{ sku, quantity: 2 }], keyed(key));
    await age(sku, 88_000);
    expect((await place("a")).status).toBe(409);
    await age(sku, 91_000);
    expect((await place("b")).status).toBe(202);
  });

  test("does not act on an item whose level was never told", async () => {
    const world = await worldOf();
    const sku = await world.stocked(0);
    expect((await world.place(newCustomer(), [{ sku, quantity: 2 }])).status).toBe(202);
  });

  test("is confirmed again by a message that tells the same level, from the item's time on", async () => {
    const world = await worldOf();
    const sku = await world.stocked(1);
    const place = (key: string) => world.place(newCustomer(), [{ sku, quantity: 2 }], keyed(key));
    await age(sku, 200_000);
    const [level] = await env.STOCK.levels([sku]);
    if (!level) throw new Error("no level");
    const told = (at_ms: number) => ({
      type: "stock.level" as const,
      version: 1 as const,
      id: `level ${at_ms}`,
      sku,
      ...level,
      at: new Date(at_ms).toISOString(),
    });
    // One that waited in the queue says how it was then.
    await settleAll([told(Date.now() - 100_000)]);
    expect((await place("late")).status).toBe(202);
    await settleAll([told(Date.now())]);
    expect((await place("fresh")).status).toBe(409);
  });

  test("off: such an order is taken, and its stock decides", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const sku = await world.stocked(1);
    const { status, body } = await world.place(newCustomer(), [{ sku, quantity: 2 }]);
    expect([status, body.status]).toEqual([202, "pending"]);
    const waited = await world.place(newCustomer(), [{ sku, quantity: 2 }], WAIT);
    expect([waited.status, waited.body.order?.reason]).toEqual([409, "out_of_stock"]);
  });
});
