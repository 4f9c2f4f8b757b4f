import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { addItem, candidateFor, locked, orderNow, pendingOrder, POLICY } from "./support/data.ts";
import { absentStock, fakeStock, pass } from "./support/stock.ts";
import { migrate } from "./support/worker.ts";

beforeAll(migrate);
beforeEach(async () => {
  await env.DB.prepare("DELETE FROM orders").run();
});

const T0 = 10_000_000;
const placed = () => pendingOrder({ placedAt_ms: T0 });

describe("claiming", () => {
  it.each([
    [1, 5_000],
    [2, 10_000],
    [3, 20_000],
    [4, 40_000],
    [5, 60_000],
    [6, 60_000],
    [30, 60_000],
  ])("invariant 7: look %s puts the next one off by at most %s ms", async (look, longest) => {
    const { id } = await placed();
    await env.DB.prepare("UPDATE orders SET attempts = ?")
      .bind(look - 1)
      .run();
    const now_ms = T0 + 30_000;
    await pass(now_ms, { stock: absentStock, random: () => 0.999_999 });
    expect((await orderNow(id)).dueAt_ms! - now_ms).toBeLessThanOrEqual(longest);
    await env.DB.prepare("UPDATE orders SET due_at = 1, attempts = ?")
      .bind(look - 1)
      .run();
    await pass(now_ms, { stock: absentStock, random: () => 0 });
    expect((await orderNow(id)).dueAt_ms! - now_ms).toBe(longest * 0.75);
  });

  it("the order stays due while the stock throws, and settles once it is back", async () => {
    const { id } = await placed();
    let now_ms = T0 + 30_000;
    for (let look = 1; look <= 3; look++) {
      await pass(now_ms, { stock: absentStock });
      const { status, attempts, dueAt_ms } = await orderNow(id);
      expect([status, attempts]).toEqual(["pending", look]);
      now_ms = dueAt_ms!;
    }
    await pass(now_ms);
    expect((await orderNow(id)).status).toBe("confirmed");
  });

  it("orders the stock leaves undecided stay due; the decided ones settle", async () => {
    const [one, two] = [await placed(), await placed()];
    const stock = { execute: async () => [locked(two.id)] };
    await pass(T0 + 30_000, { stock });
    expect(await orderNow(one.id)).toMatchObject({ status: "pending", dueAt_ms: T0 + 35_000 });
    expect((await orderNow(two.id)).status).toBe("confirmed");
  });

  it("takes 100 at a time, oldest first, one lane call each, and 2,000 a pass", async () => {
    const sku = await addItem();
    const all = Array.from({ length: 2_050 }, () => candidateFor(sku));
    await placeAll(env.DB, all.slice(50), POLICY, T0);
    await placeAll(env.DB, all.slice(0, 50), POLICY, T0 - 1_000);
    const { stock, calls } = fakeStock();
    await pass(T0 + 30_000, { stock });
    expect(calls).toHaveLength(20);
    expect(Math.max(...calls.map(({ length }) => length))).toBe(100);
    const first = new Set(calls[0]!.map(({ orderId }) => orderId));
    expect(all.slice(0, 50).every(({ id }) => first.has(id))).toBe(true);
    await pass(T0 + 30_000, { stock });
    expect(calls.flat()).toHaveLength(2_050);
  });

  it("two passes at once never hold the same order", async () => {
    const sku = await addItem();
    const all = Array.from({ length: 150 }, () => candidateFor(sku));
    await placeAll(env.DB, all, POLICY, T0);
    const { stock, calls } = fakeStock();
    await Promise.all([pass(T0 + 30_000, { stock }), pass(T0 + 30_000, { stock })]);
    const ids = calls.flat().map(({ orderId }) => orderId);
    expect(ids).toHaveLength(150);
    expect(new Set(ids).size).toBe(150);
  });

  it("a claim that dies right after its commit has only postponed the order", async () => {
    const { id } = await placed();
    const { db } = observed(env.DB, {
      after: (sql) => {
        if (sql.join().includes("awaits IS NOT NULL")) throw new Error("Network connection lost.");
      },
    });
    await expect(pass(T0 + 30_000, { db })).rejects.toThrow("Network connection lost.");
    expect(await orderNow(id)).toMatchObject({ status: "pending", dueAt_ms: T0 + 35_000 });
    await pass(T0 + 35_000);
    expect((await orderNow(id)).status).toBe("confirmed");
  });

  it("with D1 away, nothing is asked of the stock", async () => {
    await placed();
    const { stock, calls } = fakeStock();
    await expect(pass(T0 + 30_000, { db: brokenDb(env.DB), stock })).rejects.toThrow("D1_ERROR");
    expect(calls).toEqual([]);
  });
});

describe("transitions that only time brings about", () => {
  const policy = { ...POLICY, paymentWindow_ms: 60_000 };

  /** Orders that are confirmed and unpaid, all due for expiry a minute after `T0`. */
  async function unpaid(count: number): Promise<void> {
    const sku = await addItem();
    const all = Array.from({ length: count }, () => candidateFor(sku));
    await placeAll(env.DB, all, policy, T0);
    await env.DB.prepare(
      "UPDATE orders SET status = 'confirmed', awaits = NULL, pay_by = ?1, due_at = ?1",
    )
      .bind(T0 + 60_000)
      .run();
  }
  const statuses = async () =>
    (
      await env.DB.prepare("SELECT status, count(*) AS n FROM orders GROUP BY status").all<{
        status: string;
        n: number;
      }>()
    ).results;

  it("come first: with the stock Worker away one pass expires all that is due, and asks it once", async () => {
    await unpaid(1_200);
    let calls = 0;
    const stock = {
      execute: async () => {
        calls++;
        throw new Error("no such service");
      },
    };
    await pass(T0 + 60_000, { policy, stock });
    expect(await statuses()).toEqual([{ status: "cancelled", n: 1_200 }]);
    expect(calls).toBe(1);
  });

  it("are not crowded out by orders that wait for a stock Worker that is away", async () => {
    await unpaid(5);
    const sku = await addItem();
    const waiting = Array.from({ length: 300 }, () => candidateFor(sku));
    // Due long before the five: by age alone these would be claimed first.
    await placeAll(env.DB, waiting, policy, T0 - 200_000);
    await pass(T0 + 60_000, { policy, stock: absentStock });
    expect(await statuses()).toEqual([
      { status: "cancelled", n: 5 },
      { status: "pending", n: 300 },
    ]);
  });

  it("with the stock Worker there, release in the same pass, in calls of at most 200 orders", async () => {
    await unpaid(450);
    const { stock, calls } = fakeStock();
    await pass(T0 + 60_000, { policy, stock });
    expect(calls.map(({ length }) => length)).toEqual([200, 200, 50]);
    const open = env.DB.prepare("SELECT count(*) AS n FROM orders WHERE awaits IS NOT NULL");
    expect(await open.first("n")).toBe(0);
  });
});
