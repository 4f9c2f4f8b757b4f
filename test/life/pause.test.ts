import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { NO_LEVEL_CURSORS, refreshLevels } from "../../src/orders/reconcile/refresh-levels.ts";
import { observed } from "../support/d1.ts";
import { exchange } from "./support/confirmed.ts";
import { expired, paymentOf, report, settleDown } from "./support/money.ts";
import { count } from "./support/rows.ts";
import { counters, settleAll } from "./support/stock.ts";
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
afterEach(() => void vi.restoreAllMocks());

const set = (world: World, sku: string, what: "pause" | "resume") =>
  world.call("POST", `/v1/items/${sku}/${what}`, { as: OPERATOR });
const order = (world: World, sku: string, headers = {}) =>
  world.place(newCustomer(), [{ sku, quantity: 1 }], headers);
/** As if the answer to the pause, or to the resumption, had never reached D1. */
const forgetPause = (sku: string, paused: 0 | 1) =>
  env.DB.prepare(
    `UPDATE items SET paused = ?, level_version = level_version - 1, level_at = level_at - 60000
     WHERE sku = ?`,
  )
    .bind(paused, sku)
    .run();

describe("a paused item", () => {
  test("is refused at the door with 409, no row and no call of the item, until it is resumed", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const paused = await set(world, sku, "pause");
    expect([paused.status, paused.body]).toEqual([
      200,
      {
        sku,
        received: 5,
        available: 5,
        held: 0,
        sold: 0,
        paused: true,
        pauseChange: { at: expect.any(String), actor: { kind: "service", sub: OPERATOR } },
      },
    ]);
    const before = await count("orders");
    for (const headers of [{}, WAIT, { "Idempotency-Key": "p" }]) {
      const { status, body } = await order(world, sku, headers);
      expect([status, body.code, body.order]).toEqual([409, "paused", undefined]);
      expect(body.shortages).toEqual([{ sku, requested: 1, available: 5, reason: "paused" }]);
    }
    expect(await count("orders")).toBe(before);
    expect(world.messages()).toBe(0);
    expect((await set(world, sku, "resume")).body).toMatchObject({ paused: false });
    expect((await order(world, sku, WAIT)).status).toBe(201);
  });

  test("is refused by the item itself where the read model does not know of it", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await set(world, sku, "pause");
    await forgetPause(sku, 0);
    const waited = await order(world, sku, WAIT);
    expect([waited.status, waited.body.code]).toEqual([409, "paused"]);
    const shortages = [{ sku, requested: 1, available: 5, reason: "paused" }];
    expect(waited.body.order).toMatchObject({ status: "cancelled", reason: "paused", shortages });
    const queued = await order(world, sku);
    expect(queued.status).toBe(202);
    await exchange(world);
    expect(await orderNow(queued.body.id)).toMatchObject({ reason: "paused", shortages });
    expect(await counters(sku)).toMatchObject({ available: 5, held: 0 });
  });

  test("shows it: to buyers, to operators, and in the level", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const shown = async () => {
      const paths = [`/v1/items/${sku}`, `/v1/items/${sku}/stock`, `/v1/operations/items?q=${sku}`];
      const answers = await Promise.all(
        paths.map((path) => world.call("GET", path, { as: OPERATOR })),
      );
      return answers.map(({ body }) => {
        const [item = body] = (body["items"] as (typeof body)[] | undefined) ?? [];
        return item["paused"];
      });
    };
    expect(await shown()).toEqual([false, false, false]);
    const { headers } = await world.call("GET", `/v1/items/${sku}`);
    await set(world, sku, "pause");
    expect(await shown()).toEqual([true, true, true]);
    const after = await world.call("GET", `/v1/items/${sku}`);
    expect(after.headers.get("ETag")).not.toBe(headers.get("ETag"));
  });

  test("lets its orders be paid, cancelled and returned, and its stock be adjusted", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const [paid, cancelled] = [await order(world, sku, WAIT), await order(world, sku, WAIT)];
    await set(world, sku, "pause");
    expect((await world.pay(paid.body.id)).status).toBe(200);
    expect((await world.cancel(cancelled.body.id)).status).toBe(200);
    await settleDown(world);
    expect((await world.receive(sku, 2)).status).toBe(200);
    expect(await counters(sku)).toEqual({ received: 7, available: 6, held: 0, sold: 1 });
    expect((await order(world, sku)).body.code).toBe("paused");
  });

  test("is told apart from a line that is sold out: the pause gives the order its reason", async () => {
    const world = await worldOf();
    const [paused, gone] = [await world.stocked(5), await world.stocked(1)];
    await set(world, paused, "pause");
    const lines = [
      { sku: paused, quantity: 1 },
      { sku: gone, quantity: 2 },
    ];
    const { body } = await world.place(newCustomer(), lines);
    expect(body.code).toBe("paused");
    expect(body.shortages?.map(({ reason }) => reason)).toEqual(["paused", "out_of_stock"]);
  });

  test("takes no money: a late payment of it is to be refunded", async () => {
    const world = await worldOf();
    const { sku, id } = await expired(world, 5);
    await set(world, sku, "pause");
    await report(world, paymentOf(id));
    await settleDown(world);
    await settleDown(world);
    const { body } = await world.call("GET", `/v1/payments?orderId=${id}`, { as: OPERATOR });
    expect(body["payments"]).toMatchObject([{ state: "unmatched", why: "ended" }]);
    expect(await counters(sku)).toMatchObject({ available: 5, held: 0, sold: 0 });
  });
});

describe("a pause or a resumption whose answer was lost", () => {
  test.each([
    ["pause", 0, "paused"],
    ["resume", 1, undefined],
  ] as const)("heals by the reread: %s", async (what, before, code) => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await set(world, sku, "pause");
    if (what === "resume") await set(world, sku, "resume");
    await forgetPause(sku, before);
    await refreshLevels(world.env, NO_LEVEL_CURSORS);
    expect((await order(world, sku)).body.code).toBe(code);
  });

  test("is repeated: it is 503 when D1 was away, and the repeat is 200", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await set(world, sku, "pause");
    const isLevel = (sql: string[]) => sql.join().includes("UPDATE items SET received");
    const { db } = observed(env.DB, {
      before: (sql) => {
        if (isLevel(sql)) throw new Error("D1_ERROR: the database is away");
      },
    });
    const without = await worldOf({ db });
    expect((await set(without, sku, "resume")).status).toBe(503);
    expect((await order(world, sku)).body.code).toBe("paused");
    expect((await set(world, sku, "resume")).status).toBe(200);
    expect((await order(world, sku)).status).toBe(202);
  });

  test("does not close the door for longer than its level is trusted", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await set(world, sku, "pause");
    await env.DB.prepare("UPDATE items SET level_at = level_at - 91000 WHERE sku = ?")
      .bind(sku)
      .run();
    expect((await order(world, sku)).status).toBe(202);
  });

  test("is not undone by a level of an earlier version, which says nothing of pauses", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    await set(world, sku, "pause");
    const [told] = await env.STOCK.levels([sku]);
    if (!told) throw new Error("no level");
    const { level, levelVersion, breaches, at } = told;
    const head = { type: "stock.level", version: 1, id: "old", sku } as const;
    await settleAll([{ ...head, level, levelVersion: levelVersion + 1, breaches, at }]);
    expect((await order(world, sku)).body.code).toBe("paused");
  });
});

test.each([
  ["an unknown item", "NO-SUCH-ITEM", OPERATOR, 404],
  ["a customer", "", "ann", 403],
] as const)("%s is refused", async (_, name, as, status) => {
  const world = await worldOf();
  const sku = name || (await world.stocked(1));
  for (const what of ["pause", "resume"]) {
    expect((await world.call("POST", `/v1/items/${sku}/${what}`, { as })).status).toBe(status);
  }
});
