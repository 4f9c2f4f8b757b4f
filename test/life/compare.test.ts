import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, test } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { comparePage, type ComparePorts } from "../../src/orders/operators/compare.ts";
import type { Difference } from "../../src/orders/operators/difference.ts";
import { CASES, compareAll, LOCKS, plant, settled, START } from "./support/differences.ts";
import { DAY_MS, insertRows, orderRow } from "./support/rows.ts";
import { tamperItem } from "./support/stock.ts";
import { migrate, newCustomer, orderNow, WAIT, worldOf } from "./support/world.ts";

beforeEach(async () => {
  await reset();
  await migrate();
});

describe("the comparison of D1 with the stock items", () => {
  test("finds nothing while all agree, and nothing of what is under way", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    for (const status of ["confirmed", "paid", "cancelled"] as const) await settled(world, status);
    const { sku, id } = await settled(world, "confirmed");
    await world.place(newCustomer(), [{ sku, quantity: 99 }], WAIT); // refused
    await world.place(newCustomer(), [{ sku, quantity: 1 }]); // pending
    await world.pay(id); // awaits its commit, and is held still
    expect((await compareAll()).differences).toEqual([]);
  });

  test.each(CASES)("reports $name, by order and SKU", async ({ status, harm, expected }) => {
    const world = await worldOf();
    const { sku, id } = await settled(world, status);
    await settled(world, status);
    await harm(sku, id);
    const { differences } = await compareAll();
    // Once, though the walk over orders and the walk over locks both come upon it.
    expect(differences).toEqual([{ ...expected, sku, orderId: id }]);
  });

  describe("with orders that are kept for ten days", () => {
    const KEPT_MS = 10 * DAY_MS;
    /** A lock without an order in D1, of one that was placed so long ago. */
    async function lockOf(age_ms: number, state: "held" | "sold") {
      const world = await worldOf();
      const sku = await world.stocked(9);
      const id = newOrderId(Date.now() - age_ms);
      await plant(sku, id, state);
      return { sku, id };
    }

    test("a sold lock of an older order is none: the order was pruned", async () => {
      await lockOf(KEPT_MS + 60_000, "sold");
      expect((await compareAll(undefined, START, KEPT_MS)).differences).toEqual([]);
    });

    test.each([
      ["a sold lock of a younger order", KEPT_MS - 60_000, "sold"],
      ["a lock that is held, however old: no such order is pruned", 5 * KEPT_MS, "held"],
    ] as const)("%s is an orphan", async (_, age_ms, state) => {
      const { sku, id } = await lockOf(age_ms, state);
      const { differences } = await compareAll(undefined, START, KEPT_MS);
      expect(differences).toMatchObject([{ kind: "orphan_lock", sku, orderId: id }]);
    });

    test("a sold lock is an orphan, however old, when orders are kept for ever", async () => {
      const { id } = await lockOf(100 * KEPT_MS, "sold");
      expect((await compareAll()).differences).toMatchObject([{ orderId: id }]);
    });
  });

  test("reports a lock at an item that its order does not name", async () => {
    const world = await worldOf();
    const { id } = await settled(world, "confirmed");
    const sku = await world.stocked(9);
    await plant(sku, id, "held");
    expect((await compareAll()).differences).toMatchObject([
      { kind: "unreleased", sku, orderId: id, status: "confirmed", expected: null },
    ]);
  });

  test.each(CASES)("does not report $name if it is gone at the second look", async (one) => {
    const world = await worldOf();
    const { sku, id } = await settled(world, one.status);
    await one.harm(sku, id);
    let isMended = false;
    const mend = async () => {
      if (!isMended) await one.mend(sku, id);
      isMended = true;
    };
    expect((await compareAll(mend)).differences).toEqual([]);
    expect(isMended).toBe(true);
    // The other way round: what comes up between the looks was not there at the first.
    expect((await compareAll(() => one.harm(sku, id))).differences).toEqual([]);
  });

  test("does not miss a sold lock that its item has forgotten since", async () => {
    const world = await worldOf();
    const { sku, id } = await settled(world, "paid");
    await tamperItem(
      sku,
      "DELETE FROM locks; UPDATE item SET watermark_ms = ?",
      Date.now() + 60_000,
    );
    expect((await compareAll()).differences).toEqual([]);
    expect((await orderNow(id)).status).toBe("paid");
  });

  test("goes over orders and locks in bounded pages, and misses none", async () => {
    const world = await worldOf();
    const sku = await world.stocked(9);
    const line = { sku, name: sku, quantity: 2, price: {}, limitPerCustomer: null };
    const parts = { status: "confirmed", lines: JSON.stringify([line]) };
    const orders = Array.from({ length: 250 }, () => orderRow(parts));
    await insertRows("orders", orders);
    const orphans = Array.from({ length: 450 }, () => newOrderId(Date.now()));
    await tamperItem(
      sku,
      `INSERT INTO locks (order_id, customer_id, quantity, state)
       SELECT value, 'ann', 2, 'held' FROM json_each('${JSON.stringify(orphans)}')`,
    );
    const { differences, pages } = await compareAll();
    const of = (kind: Difference["kind"]) =>
      differences.flatMap((one) => (one.kind === kind ? [one.orderId] : [])).toSorted();
    expect(of("missing_lock")).toEqual(orders.map(({ id }) => id).toSorted());
    expect(of("orphan_lock")).toEqual(orphans.toSorted());
    expect(differences).toHaveLength(700);
    // 100 orders a page.
    expect(pages).toBe(4);
  });

  test("ends a page of orders that name more than 300 SKUs early", async () => {
    const lines = (from: number) =>
      Array.from({ length: 50 }, (_, i) => ({ sku: `S${from + i}`, quantity: 1 }));
    const orders = Array.from({ length: 20 }, (_, i) =>
      orderRow({ status: "confirmed", lines: JSON.stringify(lines(i * 50)) }),
    );
    await insertRows("orders", orders);
    const asked: string[] = [];
    const stock: ComparePorts["stock"] = {
      liveLocks: (sku, after) => env.STOCK.liveLocks(sku, after),
      lockStates: async (sku) => {
        asked.push(sku);
        return { locks: [], watermark_ms: 0 };
      },
    };
    const page = await comparePage(START, {
      db: env.DB,
      stock,
      prunedBefore_ms: 0,
      now: Date.now,
      pause: async () => {},
    });
    expect(page.differences).toHaveLength(300);
    expect(new Set(asked).size).toBe(300);
    expect(page.next).toEqual({ phase: "orders", after: orders.map(({ id }) => id).toSorted()[5] });
  });

  test("looks at the locks of 200 items a call, and at all of them", async () => {
    const world = await worldOf();
    const item = { name: "Item", price_amount: 1, price_currency: "EUR", updated_at: 1 };
    const skus = Array.from({ length: 250 }, (_, i) => `EMPTY-${String(i).padStart(3, "0")}`);
    await insertRows(
      "items",
      skus.map((sku) => ({ sku, ...item })),
    );
    const orphan = newOrderId(Date.now());
    const last = skus.at(-1) ?? "";
    await world.receive(last, 2);
    await plant(last, orphan, "held");
    const { differences, pages } = await compareAll(undefined, LOCKS);
    expect(pages).toBe(2);
    expect(differences).toMatchObject([{ kind: "orphan_lock", sku: last, orderId: orphan }]);
  });
});
