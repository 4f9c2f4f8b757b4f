import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Policy } from "../../src/orders/config/policy.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { observed } from "../support/d1.ts";
import {
  addItem,
  candidateFor,
  fakeFeeds,
  type ItemOptions,
  locked,
  orderNow,
  POLICY,
} from "./support/data.ts";
import { portsWith } from "./support/data.ts";
import { migrate } from "./support/worker.ts";

beforeAll(migrate);

/** Counts what `count` one-line orders cost in D1 from placing to `confirmed`. */
async function cost(count: number, hasKey: boolean, policy = POLICY, item: ItemOptions = {}) {
  const { db, trips, rowsWritten } = observed(env.DB);
  const sku = await addItem({ available: 1_000, levelAge_ms: 0, ...item });
  const orders = Array.from({ length: count }, (_, i) =>
    candidateFor(sku, { key: hasKey ? `key-${i}` : null }),
  );
  // One moment: an order that is decided in another minute than it was placed in costs a row more.
  const now_ms = Date.now();
  await placeAll(db, orders, policy, now_ms);
  const toPlace = trips.length;
  const feeds = fakeFeeds();
  await settle(
    orders.map(({ id }) => locked(id)),
    portsWith({ db, feeds, policy, now: () => now_ms }),
  );
  for (const { id } of orders) expect((await orderNow(id)).status).toBe("confirmed");
  return {
    toPlace,
    inAll: trips.length,
    rows: rowsWritten() / count,
    feedCalls: feeds.told.length,
  };
}

const OFF = { ...POLICY, isListing: false };

describe("the budgets of an order, placed to confirmed", () => {
  it.each([1, 50])(
    "with a key: 1 round trip to place, at most 8 rows (%s at once)",
    async (count) => {
      const { toPlace, inAll, rows } = await cost(count, true, OFF);
      expect([toPlace, inAll]).toEqual([1, 2]);
      expect(rows).toBeGreaterThan(0);
      expect(rows).toBeLessThanOrEqual(8);
    },
  );

  it.each([1, 50])("without a key: at most 5 rows (%s at once)", async (count) => {
    const { toPlace, inAll, rows } = await cost(count, false, OFF);
    expect([toPlace, inAll]).toEqual([1, 2]);
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(5);
  });

  it.each([1, 50])("a payment window costs a row more, at most (%s at once)", async (count) => {
    const without = await cost(count, true, OFF);
    const window = await cost(count, true, { ...OFF, paymentWindow_ms: 900_000 });
    expect(window.rows - without.rows).toBeGreaterThan(0);
    expect(window.rows - without.rows).toBeLessThanOrEqual(1);
    expect(window.rows).toBeLessThanOrEqual(8);
  });

  it.each([1, 50])("and one of the item's own no more (%s at once)", async (count) => {
    const window = { ...OFF, paymentWindow_ms: 900_000 };
    const usual = await cost(count, true, window);
    const own = await cost(count, true, window, { paymentWindow_ms: 60_000 });
    expect(own.rows).toBe(usual.rows);
  });

  it("the changes cost a row for each transaction, however many orders are in it", async () => {
    const window = { paymentWindow_ms: 900_000 };
    const rowsOf = async (count: number, policy: Policy) =>
      (await cost(count, true, { ...policy, ...window })).rows * count;
    expect((await rowsOf(1, POLICY)) - (await rowsOf(1, OFF))).toBe(2);
    expect((await rowsOf(50, POLICY)) - (await rowsOf(50, OFF))).toBe(2);
    // With all that is on by default.
    expect(await rowsOf(1, POLICY)).toBeLessThanOrEqual(9);
  });

  it("an absent customer's feed is not called", async () => {
    expect((await cost(3, true)).feedCalls).toBe(0);
  });

  it("a replay writes nothing", async () => {
    const candidate = candidateFor(await addItem(), { key: "k" });
    await placeAll(env.DB, [candidate], POLICY, Date.now());
    const { db, rowsWritten } = observed(env.DB);
    const again = candidateFor("", { ...candidate, id: candidateFor("").id });
    const [placement] = await placeAll(db, [again], POLICY, Date.now());
    expect(placement?.type).toBe("replayed");
    expect(rowsWritten()).toBe(0);
  });
});
