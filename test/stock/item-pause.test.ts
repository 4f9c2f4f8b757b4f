import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  apply,
  capture,
  commit,
  counters,
  item,
  keepLogs,
  ledger,
  lock,
  logged,
  newOrders,
  receive,
  release,
} from "./fixtures.ts";

const actor = { kind: "service", sub: "shop-admin" } as const;
const pause = (sku: string) => item(sku).setPaused(sku, { isPaused: true, actor });
const resume = (sku: string) => item(sku).setPaused(sku, { isPaused: false, actor });

beforeEach(() => {
  keepLogs();
  capture(env.STOCK_EVENTS);
});
afterEach(() => void vi.restoreAllMocks());

describe("a paused item", () => {
  test("refuses every new lock, in a form that an earlier version reads as sold out", async () => {
    await receive("p-new", 5);
    await pause("p-new");
    const [order] = newOrders(1) as [string];
    const { answers } = await item("p-new").apply("p-new", [lock(order)]);
    expect(answers).toEqual([
      {
        type: "refused",
        shortage: { requested: 1, available: 5, reason: "out_of_stock", paused: true },
      },
    ]);
    await resume("p-new");
    // The first decision stands.
    expect(await apply("p-new", lock(order))).toEqual(["refused"]);
    expect(await apply("p-new", lock(newOrders(1)[0]!))).toEqual(["locked"]);
    expect(await counters("p-new")).toMatchObject({ available: 4, held: 1 });
  });

  test("stays paused when the object is evicted", async () => {
    await receive("p-evicted", 5);
    await pause("p-evicted");
    await evictDurableObject(item("p-evicted"));
    expect(await apply("p-evicted", lock(newOrders(1)[0]!))).toEqual(["refused"]);
  });

  test("goes on with what it holds and has sold, and with its stock", async () => {
    const sku = "p-held";
    await receive(sku, 5);
    const [held, sold, ended] = newOrders(3) as [string, string, string];
    await apply(sku, lock(held), lock(sold), lock(ended), commit(sold));
    await pause(sku);
    // A copy of the lock is answered as the lock was.
    expect(await apply(sku, lock(held), release(ended), commit(held), commit(sold))).toEqual([
      "locked",
      "released",
      "committed",
      "committed",
    ]);
    const returned = {
      type: "return" as const,
      orderId: sold,
      returnId: newOrders(1)[0]!,
      customerId: "ann",
      quantity: 1,
      restock: true,
      reason: "too small",
      actor,
    };
    expect(await apply(sku, returned)).toEqual(["returned"]);
    await receive(sku, 2);
    expect(await counters(sku)).toEqual({ received: 7, available: 6, held: 0, sold: 1 });
  });

  test("says so with its level, with a new version, and who has paused it", async () => {
    await receive("p-level", 5);
    const before = await item("p-level").level("p-level");
    expect(before).toMatchObject({ paused: false, pauseChange: null, levelVersion: 1 });
    const paused = await pause("p-level");
    expect(paused).toMatchObject({ paused: true, levelVersion: 2, level: before.level });
    expect(paused.pauseChange).toEqual({ at: expect.any(String), actor });
    expect(await resume("p-level")).toMatchObject({ paused: false, levelVersion: 3 });
    expect(logged).toMatchObject([
      { event: "item.paused", sku: "p-level", actor: "shop-admin" },
      { event: "item.resumed", sku: "p-level" },
    ]);
  });

  test("is not changed by a repeat, and writes nothing to its ledger", async () => {
    await receive("p-again", 5);
    const first = await pause("p-again");
    const other = { kind: "service", sub: "another" } as const;
    const again = await item("p-again").setPaused("p-again", { isPaused: true, actor: other });
    expect({ ...again, at: "" }).toEqual({ ...first, at: "" });
    expect((await ledger("p-again")).map(({ kind }) => kind)).toEqual(["receive"]);
  });

  test("tells its pause with the levels that it reports", async () => {
    await receive("p-told", 5);
    const [held] = newOrders(1) as [string];
    await apply("p-told", lock(held));
    await pause("p-told");
    await evictDurableObject(item("p-told"));
    const { level } = await item("p-told").apply("p-told", [release(held)]);
    expect(level).toMatchObject({ paused: true, levelVersion: 4 });
  });

  test("may never have had stock", async () => {
    await pause("p-empty");
    expect(await apply("p-empty", lock(newOrders(1)[0]!))).toEqual(["refused"]);
    await receive("p-empty", 1);
    expect(await item("p-empty").level("p-empty")).toMatchObject({ paused: true });
  });
});
