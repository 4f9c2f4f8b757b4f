import {
  createScheduledController,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { VersionedLevel } from "../../src/contract/stock-events.ts";
import { reconcilerOf } from "../../src/orders/order/schedule-reconcile.ts";
import { NO_LEVEL_CURSORS, refreshLevels } from "../../src/orders/reconcile/refresh-levels.ts";
import worker, { type Reconciler } from "../../src/orders/worker.ts";
import { brokenDb } from "../support/d1.ts";
import { addItem, orderNow, pendingOrder } from "./support/data.ts";
import { fakeStock } from "./support/stock.ts";
import { call, envWith, migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

const stub = reconcilerOf(env);

type Fakes = Parameters<typeof envWith>[0];

/** Gives the one Reconciler other bindings; `{}` gives it its own back. */
const rewire = (fakes: Fakes): Promise<boolean> =>
  runInDurableObject(stub, (reconciler: Reconciler) =>
    Reflect.set(reconciler, "env", envWith(fakes)),
  );

const alarmAt = (): Promise<number | null> =>
  runInDurableObject(stub, (_reconciler: Reconciler, state) => state.storage.getAlarm());
const disarm = (): Promise<void> =>
  runInDurableObject(stub, (_reconciler: Reconciler, state) => state.storage.deleteAlarm());

const workingStock = fakeStock().stock;

beforeEach(async () => {
  await env.DB.prepare("DELETE FROM orders").run();
  await disarm();
});
afterEach(() => rewire({}));

describe("the reconciler's alarm", () => {
  it("is armed for when a new order is first due", async () => {
    const sku = await addItem();
    const token = await tokenFor(newCustomer());
    await call("POST", "/v1/orders", { token, body: { lines: [{ sku, quantity: 1 }] } });
    const armed_ms = await alarmAt();
    expect(armed_ms! - Date.now()).toBeGreaterThan(20_000);
    expect(armed_ms! - Date.now()).toBeLessThanOrEqual(30_000);
  });

  it("is only ever moved to an earlier time", async () => {
    const now_ms = Date.now();
    await stub.watch(now_ms + 50_000);
    await stub.watch(now_ms + 40_000);
    await stub.watch(now_ms + 45_000);
    expect(await alarmAt()).toBe(now_ms + 40_000);
  });

  it("invariant 7: runs a pass and comes back while anything is due", async () => {
    const { id } = await pendingOrder({ placedAt_ms: Date.now() - 40_000 });
    await stub.watch(Date.now() + 60_000);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await orderNow(id)).toMatchObject({ status: "pending", attempts: 1 });
    const armed_ms = await alarmAt();
    expect(armed_ms! - Date.now()).toBeGreaterThan(500);
    expect(armed_ms! - Date.now()).toBeLessThanOrEqual(5_000);
    await rewire({ STOCK: workingStock });
    await env.DB.prepare("UPDATE orders SET due_at = 1").run();
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect((await orderNow(id)).status).toBe("confirmed");
  });

  it("rests when nothing is due", async () => {
    await evictDurableObject(stub);
    await stub.watch(Date.now());
    await runDurableObjectAlarm(stub);
    expect(await alarmAt()).toBeNull();
  });

  it("does not forget a later time it was asked for when an earlier one finds nothing", async () => {
    await evictDurableObject(stub);
    const later_ms = Date.now() + 30_000;
    await stub.watch(later_ms);
    await stub.watch(Date.now());
    await runDurableObjectAlarm(stub);
    expect(await alarmAt()).toBe(later_ms);
  });

  it("comes back within a minute, however late the next order is due", async () => {
    await pendingOrder({ placedAt_ms: Date.now() + 3_600_000 });
    await stub.watch(Date.now() + 60_000);
    await runDurableObjectAlarm(stub);
    expect((await alarmAt())! - Date.now()).toBeLessThanOrEqual(60_000);
  });

  it("invariant 7: comes back when D1 was away, and does not throw", async () => {
    await rewire({ DB: brokenDb(env.DB) });
    await stub.watch(Date.now() + 60_000);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    const armed_ms = await alarmAt();
    expect(armed_ms).not.toBeNull();
    expect(armed_ms! - Date.now()).toBeLessThanOrEqual(60_000);
  });
});

describe("the cron", () => {
  it("invariant 7: is enough alone: it runs a pass with no alarm armed", async () => {
    const { id } = await pendingOrder({ placedAt_ms: Date.now() - 40_000 });
    await rewire({ STOCK: workingStock });
    await worker.scheduled(createScheduledController(), env);
    expect((await orderNow(id)).status).toBe("confirmed");
  });

  it("re-arms the alarm for what is left due", async () => {
    await pendingOrder({ placedAt_ms: Date.now() - 40_000 });
    await worker.scheduled(createScheduledController(), env);
    expect(await alarmAt()).not.toBeNull();
  });

  it("invariant 10: rereads levels, so that a lost one heals", async () => {
    const sku = await addItem({ available: 0 });
    const level = { sku, received: 9, available: 9, held: 0, sold: 0 };
    const levels = async (skus: string[]): Promise<VersionedLevel[]> =>
      skus.includes(sku)
        ? [{ level, levelVersion: 12, breaches: 0, at: new Date().toISOString() }]
        : [];
    await rewire({ STOCK: { ...workingStock, levels } });
    await worker.scheduled(createScheduledController(), env);
    const item: { available: number } = await (await call("GET", `/v1/items/${sku}`)).json();
    expect(item.available).toBe(9);
  });
});

describe("rereading levels", () => {
  beforeAll(async () => {
    await env.DB.prepare("DELETE FROM items").run();
    await env.DB.prepare(
      `INSERT INTO items (sku, name, price_amount, price_currency, updated_at)
       SELECT printf('L-%05d', value), 'Item', 1, 'EUR', 0
       FROM json_each(?)`,
    )
      .bind(JSON.stringify(Array.from({ length: 1_150 }, (_, i) => i + 1)))
      .run();
  });

  it("is bounded a round, goes on where it ended, and starts over at the end", async () => {
    const asked: string[][] = [];
    const levels = async (skus: string[]): Promise<VersionedLevel[]> => {
      asked.push(skus);
      return [];
    };
    const wired = envWith({ STOCK: { levels } });
    const next = await refreshLevels(wired, NO_LEVEL_CURSORS);
    expect(next.refusing).toMatchObject({ after: "L-00900", met: 900 });
    expect(asked.map(({ length }) => length)).toEqual(Array.from({ length: 9 }, () => 100));
    const end = await refreshLevels(wired, next);
    expect(end.refusing).toMatchObject({ after: "", size: 1_150 });
    expect(new Set(asked.flat()).size).toBe(1_150);
  });

  it("goes on behind items that the stock does not answer for", async () => {
    const levels = () => Promise.reject(new Error("absent"));
    const wired = envWith({ STOCK: { levels } });
    const next = await refreshLevels(wired, NO_LEVEL_CURSORS);
    expect(next.refusing.after).toBe("L-00900");
  });
});
