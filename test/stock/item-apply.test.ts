import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { SCHEMA } from "../../src/stock/item/schema.ts";
import {
  apply,
  commit,
  counters,
  item,
  ledger,
  lock,
  lockCount,
  logged,
  newOrders,
  receive,
  release,
  replay,
  rows,
  keepLogs,
  FIRST_INCARNATION,
} from "./fixtures.ts";

beforeEach(keepLogs);
afterEach(() => vi.restoreAllMocks());

const version = async (sku: string) => (await item(sku).level(sku)).levelVersion;

describe("one call is one transaction", () => {
  test("a command that throws in the middle undoes what came before it in the call", async () => {
    await receive("rollback", 10);
    const [a, b, c] = newOrders(3) as [string, string, string];
    await apply("rollback", lock(a, { quantity: 2 }));
    const before = await version("rollback");
    const thrown = runInDurableObject(item("rollback"), (instance) =>
      instance.apply("rollback", [release(a), lock(b), lock(c, { quantity: 1.5 }), lock(b)]),
    );
    await expect(thrown).rejects.toThrow(/REAL value in INTEGER column/);
    expect(await counters("rollback")).toEqual({ received: 10, available: 8, held: 2, sold: 0 });
    expect(await rows("rollback", "SELECT order_id, state FROM locks")).toEqual([
      { order_id: a, state: "held" },
    ]);
    expect((await ledger("rollback")).map(({ kind }) => kind)).toEqual(["receive", "lock"]);
    expect(await version("rollback")).toBe(before);
  });

  test("invariant 2: 200 calls at once on 50 units hold exactly 50", async () => {
    await receive("rush", 50);
    const answers = await Promise.all(newOrders(200).map((id) => apply("rush", lock(id))));
    expect(answers.filter(([type]) => type === "locked")).toHaveLength(50);
    expect(answers.filter(([type]) => type === "refused")).toHaveLength(150);
    expect(await counters("rush")).toEqual({ received: 50, available: 0, held: 50, sold: 0 });
    expect(replay(await ledger("rush"))).toEqual(await counters("rush"));
  });

  /** Miniflare does not enforce the limit of 2 MB on a bound value (Durable Objects limits). */
  test("200 orders of 50 long lines are locked, and no bound value is near 2 MB", async () => {
    await receive("large", 200);
    const line = { quantity: 1, sku: "S".repeat(64), name: "名".repeat(200), price: 1_000_000_000 };
    const lines = Array.from({ length: 50 }, () => line);
    const origin = JSON.stringify({ at_ms: Date.now(), currency: "EUR", key: null, lines });
    const ids = newOrders(200);
    const largest_bytes = await runInDurableObject(item("large"), async (instance, { storage }) => {
      const exec = vi.spyOn(storage.sql, "exec");
      const commands = ids.map((orderId) => ({
        type: "lock" as const,
        orderId,
        customerId: "ann",
        quantity: 1,
        limit: null,
        origin,
      }));
      const { answers } = await instance.apply("large", commands);
      expect(new Set(answers.map(({ type }) => type))).toEqual(new Set(["locked"]));
      const bound = exec.mock.calls.flat().filter((value) => typeof value === "string");
      return Math.max(...bound.map((text) => new TextEncoder().encode(text).length));
    });
    expect(largest_bytes).toBeGreaterThan(100_000);
    expect(largest_bytes).toBeLessThan(1_800_000);
    const kept = await item("large").decisionsFor([ids[199] as string]);
    expect(kept[0]?.origin?.lines).toEqual(lines);
  });

  test("commands of one call see each other in their order", async () => {
    await receive("order", 1);
    const [a, b, c] = newOrders(3) as [string, string, string];
    const types = await apply("order", lock(a), lock(b), release(a), lock(c), commit(c));
    expect(types).toEqual(["locked", "refused", "released", "locked", "committed"]);
    expect(await counters("order")).toEqual({ received: 1, available: 0, held: 0, sold: 1 });
  });
});

describe("a repeat", () => {
  test("of a whole call gives the same answers and changes nothing", async () => {
    await receive("repeat", 3);
    const [a, b, c] = newOrders(3) as [string, string, string];
    const commands = [
      lock(a, { quantity: 2 }),
      lock(b, { quantity: 2 }),
      lock(c),
      commit(a),
      release(c),
    ];
    const first = await item("repeat").apply("repeat", commands.slice(0, 3));
    const levelVersion = await version("repeat");
    const again = await item("repeat").apply("repeat", commands.slice(0, 3));
    expect(again.answers).toEqual(first.answers);
    expect(again.level).toBeUndefined();
    expect(await version("repeat")).toBe(levelVersion);

    await apply("repeat", ...commands.slice(3));
    const settled = [await counters("repeat"), await ledger("repeat"), await version("repeat")];
    const answers = await apply("repeat", ...commands.slice(3));
    expect(answers).toEqual(["committed", "released"]);
    expect([await counters("repeat"), await ledger("repeat"), await version("repeat")]).toEqual(
      settled,
    );
  });

  test("of a refusal repeats its figures, though stock has come in since", async () => {
    await receive("refusal", 1);
    const order = newOrderId(Date.now());
    const first = await item("refusal").apply("refusal", [lock(order, { quantity: 5 })]);
    await receive("refusal", 50);
    const again = await item("refusal").apply("refusal", [lock(order, { quantity: 5 })]);
    expect(again.answers).toEqual(first.answers);
    expect(again.answers).toEqual([
      {
        type: "refused",
        shortage: { requested: 5, available: 1, reason: "out_of_stock" },
      },
    ]);
  });

  test("invariant 6: a late lock after a release takes nothing", async () => {
    await receive("late", 5);
    const [known, unknown] = newOrders(2) as [string, string];
    await apply("late", lock(known), release(known), release(unknown));
    expect(await apply("late", lock(known), lock(unknown))).toEqual(["refused", "refused"]);
    expect(await counters("late")).toEqual({ received: 5, available: 5, held: 0, sold: 0 });
  });
});

describe("a breach", () => {
  test("is counted and logged, and changes nothing else", async () => {
    await receive("breach", 5);
    const [sold, unknown] = newOrders(2) as [string, string];
    await apply("breach", lock(sold), commit(sold));
    const before = [await counters("breach"), await version("breach"), await lockCount("breach")];
    expect(await apply("breach", release(sold), commit(unknown))).toEqual(["breach", "breach"]);
    expect(await rows("breach", "SELECT breaches FROM item")).toEqual([{ breaches: 2 }]);
    expect([await counters("breach"), await version("breach"), await lockCount("breach")]).toEqual(
      before,
    );
    const lines = logged as { event: string }[];
    expect(lines.filter(({ event }) => event === "invariant.breached")).toMatchObject([
      { event: "invariant.breached", sku: "breach", orderId: sold, command: "release" },
      { event: "invariant.breached", sku: "breach", orderId: unknown, command: "commit" },
    ]);
  });
});

describe("the storage", () => {
  test("budget: a batch of 100 locks writes one row a lock, and three for all of them", async () => {
    await receive("budget", 100);
    const written = await runInDurableObject(item("budget"), async (instance, { storage }) => {
      const exec = vi.spyOn(storage.sql, "exec");
      const setAlarm = vi.spyOn(storage, "setAlarm");
      await instance.apply(
        "budget",
        newOrders(100).map((id) => lock(id)),
      );
      const perStatement = exec.mock.results.map(
        ({ value }) => (value as SqlStorageCursor<never>).rowsWritten,
      );
      return perStatement.reduce((sum, n) => sum + n, setAlarm.mock.calls.length);
    });
    expect(await counters("budget")).toMatchObject({ held: 100 });
    // The locks, their movements, the counters, the alarm for the level.
    expect(written).toBe(103);
  });

  test("keeps everything when the object is evicted", async () => {
    await receive("evicted", 3);
    const order = newOrderId(Date.now());
    await apply("evicted", lock(order, { quantity: 2 }));
    const all = async () => {
      const { incarnation, ...level } = await item("evicted").level("evicted");
      return { incarnation, kept: [{ ...level, at: "" }, await ledger("evicted")] };
    };
    const before = await all();
    await evictDurableObject(item("evicted"));
    const after = await all();
    expect(after.kept).toEqual(before.kept);
    expect(before.incarnation).toEqual(FIRST_INCARNATION);
    expect(after.incarnation?.fromVersion).toBe(2);
    expect(after.incarnation?.id).not.toBe(before.incarnation?.id);
    expect(await apply("evicted", lock(order, { quantity: 2 }))).toEqual(["locked"]);
    expect(await counters("evicted")).toMatchObject({ available: 1, held: 2 });
  });

  test("names its schema's version once, however often the object starts", async () => {
    await receive("schema", 1);
    for (let i = 0; i < 2; i++) {
      expect(await rows("schema", "SELECT version FROM schema_version")).toEqual([
        { version: SCHEMA.length },
      ]);
      await evictDurableObject(item("schema"));
    }
  });

  test("brings an object of the first schema up to date, with its ledger", async () => {
    await receive("older", 5);
    await apply("older", lock(newOrderId(Date.now())));
    await apply("older", lock(newOrderId(Date.now()), { quantity: 2 }));
    const before = await ledger("older");
    for (const column of ["earlier", "actor"]) {
      await rows("older", `ALTER TABLE movements DROP COLUMN ${column}`);
    }
    for (const column of ["returned", "origin", "price", "currency"]) {
      await rows("older", `ALTER TABLE locks DROP COLUMN ${column}`);
    }
    await rows("older", "DROP TABLE returns");
    for (const column of ["listed", "paused", "pause_changed_at", "pause_changed_by"]) {
      await rows("older", `ALTER TABLE item DROP COLUMN ${column}`);
    }
    await rows("older", "UPDATE schema_version SET version = 1");
    await evictDurableObject(item("older"));
    expect(await ledger("older")).toEqual(before);
    await apply("older", ...newOrders(2).map((id) => lock(id)));
    expect((await ledger("older")).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(await rows("older", "SELECT version FROM schema_version")).toEqual([
      { version: SCHEMA.length },
    ]);
  });

  test("leaves a newer schema's version alone, as after a rollback", async () => {
    await receive("newer", 1);
    await rows("newer", "UPDATE schema_version SET version = 99");
    await evictDurableObject(item("newer"));
    expect(await counters("newer")).toMatchObject({ available: 1 });
    expect(await rows("newer", "SELECT version FROM schema_version")).toEqual([{ version: 99 }]);
  });

  test("refuses counters that do not add up, whatever writes them", async () => {
    await receive("checked", 5);
    const wrong = ["available = 6", "available = -1, held = 6", "held = -1, available = 6"];
    for (const values of wrong) {
      const written = rows("checked", `UPDATE item SET ${values}`);
      await expect(written).rejects.toThrow(/CHECK constraint failed/);
    }
  });
});
