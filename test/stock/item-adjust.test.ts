import { evictDurableObject, runDurableObjectAlarm } from "cloudflare:test";
import { describe, expect, test } from "vitest";
import {
  apply,
  armedAt,
  commit,
  counters,
  item,
  ledger,
  lock,
  newOrders,
  receive,
  release,
  replay,
  rows,
  FIRST_INCARNATION,
} from "./fixtures.ts";

const adjust = (sku: string, operationId: string, delta: number, reason = "count") =>
  item(sku).adjust(sku, { operationId, delta, reason });
const replayed = { isReplay: true };

describe("an adjustment", () => {
  test("receives stock and answers the level", async () => {
    expect(await adjust("fresh", "op", 7)).toEqual({
      ok: true,
      level: { sku: "fresh", received: 7, available: 7, held: 0, sold: 0 },
      levelVersion: 1,
      breaches: 0,
      paused: false,
      incarnation: FIRST_INCARNATION,
      at: expect.any(String),
    });
  });

  test("repeated with its operation id changes nothing and repeats the first answer", async () => {
    const first = await adjust("twice", "op", 7);
    await adjust("twice", "other", 3);
    expect(await adjust("twice", "op", 7)).toEqual({ ...first, ...replayed });
    await evictDurableObject(item("twice"));
    expect(await adjust("twice", "op", 7)).toEqual({ ...first, ...replayed });
    expect(await counters("twice")).toMatchObject({ received: 10 });
    expect(await ledger("twice")).toHaveLength(2);
  });

  test("sent 20 times at once is done once", async () => {
    const results = await Promise.all(Array.from({ length: 20 }, () => adjust("many", "op", 4)));
    const [first] = results.filter((result) => !("isReplay" in result));
    expect(results).toEqual(
      results.map((result) => ("isReplay" in result ? { ...first, ...replayed } : first)),
    );
    expect(results.filter((result) => "isReplay" in result)).toHaveLength(19);
    expect(await counters("many")).toMatchObject({ received: 4 });
  });

  test("with another delta under the same operation id is refused and changes nothing", async () => {
    await adjust("reused", "op", 7);
    expect(await adjust("reused", "op", 8)).toEqual({ ok: false, code: "operation_reused" });
    expect(await counters("reused")).toMatchObject({ received: 7 });
  });

  test("with another reason under the same operation id is refused and changes nothing", async () => {
    await adjust("why", "op", 7, "delivery");
    expect(await adjust("why", "op", 7, "found")).toEqual({ ok: false, code: "operation_reused" });
    expect(await ledger("why")).toHaveLength(1);
    expect(await adjust("why", "op", 7, "delivery")).toMatchObject({ ok: true, ...replayed });
  });

  test("that was refused is remembered: its repeat is the same refusal after a restock", async () => {
    await adjust("short", "stock", 2);
    const refused = await adjust("short", "op", -3, "broken");
    expect(refused).toMatchObject({ ok: false, code: "insufficient_available" });
    await adjust("short", "restock", 5);
    expect(await adjust("short", "op", -3, "broken")).toEqual({ ...refused, ...replayed });
    expect(await adjust("short", "op", -3, "lost")).toMatchObject({ code: "operation_reused" });
    expect(await adjust("short", "op", -2, "broken")).toMatchObject({ code: "operation_reused" });
    expect(await counters("short")).toMatchObject({ received: 7, available: 7 });
    expect(await ledger("short")).toHaveLength(2);
  });

  test("that an earlier version wrote down without its reason is known by its delta alone", async () => {
    const first = await adjust("old", "op", 7);
    await rows("old", "UPDATE operations SET result = ?", JSON.stringify(first));
    expect(await adjust("old", "op", 7, "whatever")).toEqual({ ...first, ...replayed });
    expect(await adjust("old", "op", 8)).toEqual({ ok: false, code: "operation_reused" });
  });

  describe("with a key that another caller has used", () => {
    const by = (sub: string, sku: string, delta: number, reason = "delivery") =>
      item(sku).adjust(sku, {
        operationId: "delivery-7",
        delta,
        reason,
        actor: { kind: "service", sub },
      });

    test("is a change of its own: each caller's repeat is its own first answer", async () => {
      const erp = await by("erp", "shared", 10);
      const dock = await by("dock", "shared", 10);
      expect(dock).toMatchObject({ ok: true, level: { available: 20 } });
      expect(await by("erp", "shared", 10)).toEqual({ ...erp, ...replayed });
      expect(await by("dock", "shared", 10)).toEqual({ ...dock, ...replayed });
      expect(await by("dock", "shared", 11)).toMatchObject({ code: "operation_reused" });
      expect(await by("third", "shared", 3, "found")).toMatchObject({ ok: true });
      expect(await counters("shared")).toMatchObject({ available: 23 });
    });

    test("is still its own once the other's is forgotten", async () => {
      await by("erp", "half", 10);
      const dock = await by("dock", "half", 10);
      await rows("half", "DELETE FROM operations WHERE id = 'delivery-7'");
      expect(await by("dock", "half", 10)).toEqual({ ...dock, ...replayed });
    });

    test("is a refusal of its own too", async () => {
      await by("erp", "refusing", -1);
      await receive("refusing", 1);
      expect(await by("dock", "refusing", -1)).toMatchObject({ ok: true });
      expect(await by("erp", "refusing", -1)).toMatchObject({ ok: false, ...replayed });
    });

    test("stored by an earlier version: the ledger knows whose it is", async () => {
      const first = await by("erp", "upgraded", 10);
      await rows("upgraded", "UPDATE operations SET result = json_remove(result, '$.by')");
      expect(await by("erp", "upgraded", 10)).toEqual({ ...first, ...replayed });
      expect(await by("dock", "upgraded", 10)).toMatchObject({ level: { available: 20 } });
    });

    test("stored by a version that knew no actors: applied to nobody twice", async () => {
      const first = await adjust("ancient", "delivery-7", 10, "delivery");
      expect(await by("erp", "ancient", 10)).toEqual({ ...first, ...replayed });
      expect(await counters("ancient")).toMatchObject({ available: 10 });
    });
  });

  test("leaves columns of the item's row alone that this version does not know", async () => {
    await adjust("newer", "op", 7);
    await rows("newer", "ALTER TABLE item ADD COLUMN later INTEGER NOT NULL DEFAULT 0");
    await rows("newer", "UPDATE item SET later = 1");
    await adjust("newer", "other", 1);
    expect(await rows("newer", "SELECT later, available FROM item")).toEqual([
      { later: 1, available: 8 },
    ]);
  });

  test("takes away only what is available, not what is held or sold", async () => {
    await receive("taken", 10);
    const [held, sold] = newOrders(2) as [string, string];
    await apply("taken", lock(held, { quantity: 3 }), lock(sold, { quantity: 2 }), commit(sold));
    expect(await adjust("taken", "too much", -6)).toEqual({
      ok: false,
      code: "insufficient_available",
      level: { sku: "taken", received: 10, available: 5, held: 3, sold: 2 },
    });
    expect(await counters("taken")).toMatchObject({ received: 10, available: 5 });
    expect(await adjust("taken", "all", -5)).toMatchObject({ ok: true });
    expect(await counters("taken")).toEqual({ received: 5, available: 0, held: 3, sold: 2 });
  });

  test("that was refused on an unknown item is forgotten in time, and leaves the item its name", async () => {
    expect(await adjust("unknown", "op", -1)).toMatchObject({ code: "insufficient_available" });
    expect(await armedAt("unknown")).not.toBeNull();
    expect(await runDurableObjectAlarm(item("unknown"))).toBe(true);
    expect(await rows("unknown", "SELECT sku FROM item")).toEqual([{ sku: "unknown" }]);
    await adjust("unknown", "other", 5);
    expect((await item("unknown").level("unknown")).level.sku).toBe("unknown");
  });

  test("grows the level's version by one each time", async () => {
    await adjust("versions", "a", 5);
    await adjust("versions", "b", -1);
    await adjust("versions", "b", -1);
    await adjust("versions", "c", -100);
    expect((await item("versions").level("versions")).levelVersion).toBe(2);
  });
});

describe("the ledger", () => {
  test("invariant 1: replays to the counters, and each entry to its own balance", async () => {
    await receive("replayed", 20);
    const orders = newOrders(12);
    await apply("replayed", ...orders.map((id, n) => lock(id, { quantity: 1 + (n % 3) })));
    await apply(
      "replayed",
      ...orders.slice(0, 4).map(commit),
      ...orders.slice(4, 7).map(release),
      lock(newOrders(1)[0]!, { quantity: 100 }),
    );
    await adjust("replayed", "lost", -2);
    const movements = await ledger("replayed");
    expect(replay(movements)).toEqual(await counters("replayed"));
    for (let end = 1; end <= movements.length; end++) {
      expect(replay(movements.slice(0, end))).toEqual(movements[end - 1]?.balance);
    }
  });

  test("names what was moved, by whom and why", async () => {
    await adjust("named", "op 1", 5);
    const [order] = newOrders(1) as [string];
    await apply("named", lock(order, { quantity: 2 }));
    await adjust("named", "op 2", -1);
    const at = expect.stringMatching(/^\d{4}-.*Z$/) as string;
    expect(await ledger("named")).toEqual([
      {
        seq: 1,
        kind: "receive",
        quantity: 5,
        orderId: null,
        operationId: "op 1",
        reason: "count",
        actor: null,
        at,
        balance: { received: 5, available: 5, held: 0, sold: 0 },
      },
      {
        seq: 2,
        kind: "lock",
        quantity: 2,
        orderId: order,
        operationId: null,
        reason: null,
        actor: null,
        at,
        balance: { received: 5, available: 3, held: 2, sold: 0 },
      },
      expect.objectContaining({ seq: 3, kind: "adjust", quantity: -1, operationId: "op 2" }),
    ]);
  });

  test("is read newest first, in pages that neither repeat nor miss an entry", async () => {
    await receive("paged", 20);
    await apply("paged", ...newOrders(7).map((id) => lock(id)));
    await apply("paged", ...newOrders(4).map((id) => lock(id)));
    const first = await item("paged").ledger({ before: null, limit: 5 });
    expect(first.movements.map(({ seq }) => seq)).toEqual([12, 11, 10, 9, 8]);
    expect(first.next).toBe(8);
    for (const limit of [1, 5, 7, 12, 100]) {
      const seqs = (await ledger("paged", limit)).map(({ seq }) => seq);
      expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    }
  });

  test("leaves no reading of the table unfinished behind a page", async () => {
    await receive("read", 200);
    for (const order of newOrders(60)) await apply("read", lock(order));
    await item("read").ledger({ before: null, limit: 5 });
    // With a SELECT under way SQLite refuses to drop its table.
    await expect(rows("read", "DROP TABLE movements")).resolves.toEqual([]);
  });

  test("takes one row for all that a call moves, 500 at most", async () => {
    await receive("packed", 1_200);
    const orders = newOrders(1_001);
    await apply("packed", ...orders.map((id) => lock(id)));
    expect(await rows("packed", "SELECT seq FROM movements ORDER BY seq")).toEqual(
      [1, 501, 1_001, 1_002].map((seq) => ({ seq })),
    );
    const movements = await ledger("packed");
    expect(movements.map(({ seq }) => seq)).toEqual(Array.from({ length: 1_002 }, (_, i) => i + 1));
    expect(movements.slice(1).map(({ orderId }) => orderId)).toEqual(orders);
    expect(replay(movements)).toEqual(await counters("packed"));
  });

  test("ends with no further page when the last one is full", async () => {
    await receive("full page", 20);
    await apply("full page", ...newOrders(5).map((id) => lock(id)));
    const { next } = await item("full page").ledger({ before: null, limit: 6 });
    expect(next).toBeNull();
  });

  test("of an item that is not known is empty", async () => {
    expect(await item("no such").ledger({ before: null, limit: 10 })).toEqual({
      movements: [],
      next: null,
    });
  });
});
