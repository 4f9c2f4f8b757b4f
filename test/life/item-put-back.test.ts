import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, test, vi } from "vitest";
import type { StockApi } from "../../src/contract/stock-api.ts";
import { getItem } from "../../src/orders/items/item-queries.sql.ts";
import { repair } from "../../src/orders/operators/repair.ts";
import { pausePutBack } from "../../src/orders/reconcile/pause-put-back.ts";
import type { StockItem } from "../../src/stock/worker.ts";
import { settleEverything } from "./support/recovery.ts";
import { pass_ms, useDisasters } from "./support/restore.ts";
import { counters, deliver, expectSettled, settleAll, tamperItem } from "./support/stock.ts";
import {
  newCustomer,
  OPERATOR,
  orderNow,
  reconciler,
  WAIT,
  type World,
  worldOf,
} from "./support/world.ts";

useDisasters();

type Rows = Record<string, Record<string, SqlStorageValue>[]>;

/** The whole storage of an item. */
const storageOf = (sku: string): Promise<Rows> =>
  runInDurableObject(env.ITEM.getByName(sku), (_it: StockItem, { storage: { sql } }) => {
    const names = sql.exec<{ name: string }>(
      "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
    );
    return Object.fromEntries(
      [...names].map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]),
    );
  });

/** Puts an item's storage back; an item that is gone has nothing in it. */
async function putItemBack(sku: string, rows: Rows): Promise<void> {
  await runInDurableObject(env.ITEM.getByName(sku), (_it: StockItem, { storage: { sql } }) => {
    for (const [table, all] of Object.entries(rows)) {
      if (table === "schema_version") continue;
      sql.exec(`DELETE FROM ${table}`);
      for (const row of all) {
        const columns = Object.keys(row);
        const places = columns.map(() => "?").join(", ");
        sql.exec(
          `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`,
          ...Object.values(row),
        );
      }
    }
  });
  await evictDurableObject(env.ITEM.getByName(sku));
}

const gone = (rows: Rows): Rows => Object.fromEntries(Object.keys(rows).map((name) => [name, []]));
const line = (sku: string, quantity = 1) => [{ sku, quantity }];

async function buy(world: World, sku: string, quantity = 1): Promise<string> {
  return (await world.place(newCustomer(), line(sku, quantity), WAIT)).body.id;
}

async function rereadTwice(): Promise<void> {
  for (const _ of [1, 2]) {
    pass_ms(91_000);
    await reconciler().poke();
  }
}

const alertCodes = async (world: World) => {
  const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
  return (body.alerts as { code: string }[]).map(({ code }) => code);
};

interface Found {
  kind: string;
  orderId: string;
  repaired?: boolean;
}

async function compare(world: World, repair: boolean): Promise<Found[]> {
  const found: Found[] = [];
  let cursor: string | null = null;
  do {
    const body: object = { repair, cursor };
    const answer = await world.call("POST", "/v1/operations/reconcile", { as: OPERATOR, body });
    expect(answer.status).toBe(200);
    found.push(...(answer.body.differences as Found[]));
    cursor = answer.body.nextCursor as string | null;
  } while (cursor !== null);
  return found;
}

describe("an item whose storage was put back", () => {
  test("is followed, said, paused, compared, and repaired as far as its units go", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const sku = await world.stocked(4);
    const kept = await buy(world, sku);
    const before = await storageOf(sku);
    const [held, paid] = [await buy(world, sku), await buy(world, sku)];
    await world.pay(paid);
    await settleEverything(world);
    const last = await buy(world, sku);
    await putItemBack(sku, before);
    // It takes an order for a unit that it does not know to be sold, before it is noticed.
    const extra = await buy(world, sku);
    expect((await orderNow(extra)).status).toBe("confirmed");
    await rereadTwice();
    expect(await getItem(env.DB, sku)).toMatchObject({ isPaused: true, level: { available: 2 } });
    expect(await alertCodes(world)).toContain("item_put_back");
    const refused = await world.place(newCustomer(), line(sku), WAIT);
    expect([refused.status, refused.body.code]).toEqual([409, "paused"]);

    const missing = await compare(world, false);
    expect(missing.map(({ kind, orderId }) => [kind, orderId])).toEqual(
      [held, paid, last].toSorted().map((id) => ["missing_lock", id]),
    );
    // Two units are left for three orders: the paid one first, then the oldest.
    const repaired = await compare(world, true);
    const done = new Map(repaired.map((one) => [one.orderId, one.repaired]));
    expect([done.get(paid), done.get(held), done.get(last)]).toEqual([true, true, false]);
    expect((await compare(world, false)).map(({ orderId }) => orderId)).toEqual([last]);
    expect(await counters(sku)).toEqual({ received: 4, available: 0, held: 3, sold: 1 });

    await world.receive(sku, 1);
    await compare(world, true);
    expect((await world.call("POST", `/v1/items/${sku}/resume`, { as: OPERATOR })).status).toBe(
      200,
    );
    expect(await alertCodes(world)).not.toContain("item_put_back");
    await settleEverything(world);
    await expectSettled(sku, [kept, held, paid, last, extra]);
  });

  test.each([1, 3])("by one change is noticed, though it has made %i since", async (made) => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const sku = await world.stocked(9);
    const kept = await buy(world, sku);
    const before = await storageOf(sku);
    pass_ms(5_000);
    const lost = await buy(world, sku);
    await putItemBack(sku, before);
    const since = [];
    for (let i = 0; i < made; i++) {
      pass_ms(5_000);
      since.push(await buy(world, sku));
    }
    await rereadTwice();
    expect(await getItem(env.DB, sku)).toMatchObject({ isPaused: true });
    expect(await alertCodes(world)).toContain("item_put_back");
    const repaired = await compare(world, true);
    expect(repaired.map(({ orderId }) => orderId)).toEqual([lost]);
    await expectSettled(sku, [kept, lost, ...since]);
  });

  test("only ended and began again goes on selling", async () => {
    const world = await worldOf();
    const sku = await world.stocked(9);
    for (let i = 0; i < 3; i++) {
      await buy(world, sku);
      pass_ms(5_000);
      await evictDurableObject(env.ITEM.getByName(sku));
      await rereadTwice();
    }
    expect(await getItem(env.DB, sku)).toMatchObject({ isPaused: false, level: { available: 6 } });
    expect(await alertCodes(world)).not.toContain("item_put_back");
  });

  test("began again while an earlier version of the Worker wrote its levels, and goes on selling", async () => {
    const world = await worldOf();
    const sku = await world.stocked(9);
    await buy(world, sku);
    pass_ms(5_000);
    await evictDurableObject(env.ITEM.getByName(sku));
    await buy(world, sku);
    const { incarnation, levelVersion } = await env.ITEM.getByName(sku).level(sku);
    await env.DB.prepare(
      "UPDATE items SET level_version = ?2, incarnation = 'before', incarnation_version = ?3 WHERE sku = ?1",
    )
      .bind(sku, levelVersion, incarnation?.fromVersion)
      .run();
    pass_ms(5_000);
    await buy(world, sku);
    await rereadTwice();
    expect(await getItem(env.DB, sku)).toMatchObject({ isPaused: false, level: { available: 6 } });
  });

  test("that is gone altogether is noticed by the first order that it refuses", async () => {
    const world = await worldOf();
    const skus = [await world.stocked(5), await world.stocked(5)];
    const [lost = "", other = ""] = skus;
    const order = await buy(world, lost);
    const both = (
      await world.place(
        newCustomer(),
        skus.flatMap((sku) => line(sku)),
        WAIT,
      )
    ).body.id;
    await putItemBack(lost, gone(await storageOf(lost)));
    pass_ms(5_000);
    await world.place(newCustomer(), line(lost));
    const { outcomes } = await deliver(world.sent.splice(0));
    await settleAll(outcomes);
    await rereadTwice();
    expect(await getItem(env.DB, lost)).toMatchObject({ isPaused: true, level: { available: 0 } });
    expect(await getItem(env.DB, other)).toMatchObject({ isPaused: false });
    await world.receive(lost, 5);
    const repaired = await compare(world, true);
    expect(repaired.map(({ orderId, repaired: is }) => [orderId, is])).toEqual(
      [order, both].toSorted().map((id) => [id, true]),
    );
    await world.call("POST", `/v1/items/${lost}/resume`, { as: OPERATOR });
    await settleEverything(world);
    for (const [sku, ids] of [
      [lost, [order, both]],
      [other, [both]],
    ] as const) {
      await expectSettled(sku, ids);
    }
  });
});

describe("returns that an item or the database has lost", () => {
  const giveBack = async (world: World, id: string, sku: string, quantity: number) => {
    const { status } = await world.call("POST", `/v1/orders/${id}/returns`, {
      as: OPERATOR,
      body: { lines: line(sku, quantity), restock: true, reason: "late" },
      headers: { "Idempotency-Key": `${id}-${quantity}` },
    });
    expect(status).toBe(201);
    await settleEverything(world);
  };
  /** Two orders of two units, paid; `before` is from before the first came back. */
  async function returned(world: World, quantity: number) {
    const sku = await world.stocked(5);
    const ids = [await buy(world, sku, 2), await buy(world, sku, 2)];
    for (const id of ids) await world.pay(id);
    await settleEverything(world);
    const before = await storageOf(sku);
    const [id = ""] = ids;
    await giveBack(world, id, sku, quantity);
    expect(await counters(sku)).toMatchObject({ available: 1 + quantity, sold: 4 - quantity });
    return { sku, ids, id, before };
  }

  test.each([
    [1, "wrong_lock"],
    [2, "unreleased"],
  ])("%s units that the item has lost are sent to it again", async (quantity, kind) => {
    const world = await worldOf();
    const { sku, ids, id, before } = await returned(world, quantity);
    await putItemBack(sku, before);
    expect(await compare(world, true)).toMatchObject([{ kind, orderId: id, repaired: true }]);
    await settleEverything(world);
    expect(await compare(world, true)).toEqual([]);
    expect(await counters(sku)).toMatchObject({ available: 1 + quantity, sold: 4 - quantity });
    await expectSettled(sku, ids);
  });

  test.each([
    [1, "wrong_lock"],
    [2, "missing_lock"],
  ])("%s units that the database has lost are not said to be repaired", async (quantity, kind) => {
    const world = await worldOf();
    const { sku, id } = await returned(world, quantity);
    await env.DB.batch([
      env.DB.prepare("DELETE FROM returns"),
      env.DB.prepare("UPDATE orders SET returned = NULL, returned_at = NULL"),
    ]);
    for (const _ of [1, 2]) {
      expect(await compare(world, true)).toMatchObject([{ kind, orderId: id, repaired: false }]);
      await settleEverything(world);
    }
    expect(await counters(sku)).toMatchObject({ available: 1 + quantity, sold: 4 - quantity });
  });

  test("units that no return explains are for an operator", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const id = await buy(world, sku, 2);
    await tamperItem(sku, "UPDATE locks SET state = 'sold'; UPDATE item SET held = 0, sold = 2");
    const [found] = await compare(world, true);
    expect(found).toMatchObject({ kind: "wrong_lock", orderId: id, repaired: false });
  });
});

describe("of fifty items", () => {
  const COUNT = 50;
  const paused = async (skus: readonly string[]): Promise<string[]> => {
    const items = await Promise.all(skus.map((sku) => getItem(env.DB, sku)));
    return skus.filter((_, i) => items[i]?.isPaused);
  };
  const alertOf = async (world: World) => {
    const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
    const alerts = body.alerts as { code: string; text: string }[];
    return alerts.find(({ code }) => code === "item_put_back")?.text;
  };
  /** Each is noticed by an order that it refuses; a quiet one is asked for its level seldom. */
  const lose = async (world: World, skus: readonly string[]) => {
    for (const sku of skus) await putItemBack(sku, gone(await storageOf(sku)));
    pass_ms(5_000);
    for (const sku of skus) await world.place(newCustomer(), line(sku), WAIT);
  };

  async function restoreStock(world: World, skus: readonly string[]): Promise<void> {
    for (const sku of skus) await world.receive(sku, 5);
    const found = await compare(world, true);
    expect(found.every(({ kind, repaired }) => kind === "missing_lock" && repaired)).toBe(true);
    for (const sku of skus) {
      await world.call("POST", `/v1/items/${sku}/resume`, { as: OPERATOR });
    }
    expect(await alertOf(world)).toBeUndefined();
    expect(await compare(world, false)).toEqual([]);
  }

  test(
    "one that is gone, and then all, are found, paused and repaired",
    { timeout: 180_000 },
    async () => {
      const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
      const skus = await Promise.all(Array.from({ length: COUNT }, () => world.stocked(5)));
      const cart = (
        await world.place(
          newCustomer(),
          skus.flatMap((sku) => line(sku)),
          WAIT,
        )
      ).body.id;
      const single = await Promise.all(skus.map((sku) => buy(world, sku)));
      await world.pay(cart);
      await settleEverything(world);
      const [one = ""] = skus;

      await lose(world, [one]);
      await rereadTwice();
      expect(await paused(skus)).toEqual([one]);
      expect(await getItem(env.DB, one)).toMatchObject({
        level: { available: 0, held: 0, sold: 0 },
      });
      await restoreStock(world, [one]);

      await lose(world, skus);
      await rereadTwice();
      expect((await paused(skus)).toSorted()).toEqual(skus.toSorted());
      expect(await alertOf(world)).toContain("and 49 other items");
      await restoreStock(world, skus);

      await settleEverything(world);
      for (const [i, sku] of skus.entries()) {
        await expectSettled(sku, [cart, single[i] ?? ""]);
        expect(await counters(sku)).toEqual({ received: 5, available: 3, held: 1, sold: 1 });
      }
    },
  );
});

describe("an item that does not answer", () => {
  const never = new Promise<never>(() => undefined);

  test("does not keep the others that were put back on sale", async () => {
    const world = await worldOf();
    const skus = [await world.stocked(1), await world.stocked(1)].toSorted();
    await env.DB.prepare("UPDATE items SET put_back_at = 1").run();
    const [away = "", other = ""] = skus;
    const asked: string[] = [];
    const setPaused: StockApi["setPaused"] = async (sku, change) => {
      asked.push(sku);
      if (sku !== away) return await env.STOCK.setPaused(sku, change);
      // Fails once the other was asked, too.
      await vi.waitUntil(() => asked.includes(other));
      throw new Error("the item is away");
    };
    await pausePutBack({ ...env, STOCK: { setPaused } } as unknown as OrdersEnv);
    expect(await getItem(env.DB, away)).toMatchObject({ isPaused: false });
    expect(await getItem(env.DB, other)).toMatchObject({ isPaused: true });
  });

  test("does not hold up the repair of another", async () => {
    const world = await worldOf();
    const skus = [await world.stocked(2), await world.stocked(2)];
    const [away = "", other = ""] = skus;
    const ids = [await buy(world, away), await buy(world, other)];
    for (const sku of skus) await tamperItem(sku, "DELETE FROM locks");
    const asked: string[] = [];
    const relock: StockApi["relock"] = async (sku, locks) => {
      asked.push(sku);
      if (sku === away) return never;
      return await env.STOCK.relock(sku, locks);
    };
    const differences = skus.map((sku, i) => ({
      kind: "missing_lock" as const,
      sku,
      orderId: ids[i] ?? "",
      status: "confirmed" as const,
      expected: { state: "held" as const, quantity: 1 },
      found: null,
    }));
    const own = { ...env, STOCK: { relock } } as unknown as OrdersEnv;
    const repairing = repair(own, differences);
    await vi.waitUntil(() => asked.length === 2, { timeout: 3_000 });
    expect((await repairing).map(({ repaired }) => repaired)).toEqual([false, true]);
  });
});

describe("an order that waits for an item which has decided otherwise", () => {
  test("is shown as stuck, and tried by the hour", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const id = await buy(world, sku);
    await tamperItem(sku, "UPDATE locks SET state = 'released'");
    await world.pay(id);
    world.sent.splice(0);
    const execute = vi.spyOn(env.STOCK, "execute");
    pass_ms(31_000);
    await reconciler().poke();
    const { dueAt_ms } = await orderNow(id);
    expect((dueAt_ms ?? 0) - Date.now()).toBeGreaterThan(3_500_000);
    for (let i = 0; i < 5; i++) {
      pass_ms(61_000);
      await reconciler().poke();
    }
    expect(await alertCodes(world)).toContain("stuck");
    const [found] = await compare(world, false);
    expect(found).toMatchObject({ kind: "stuck", orderId: id, awaits: "commit" });
    const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
    expect(body.unsettled).toMatchObject({ count: 1 });
    execute.mockRestore();
  });
});
