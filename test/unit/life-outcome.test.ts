import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type OrderRow, orderFromRow } from "../../src/orders/order/order-queries.sql.ts";
import { type Order } from "../../src/orders/order/order.ts";
import { awaitOutcome } from "../../src/orders/place/await-outcome.ts";
import { SoldOutCache } from "../../src/orders/place/sold-out-cache.ts";
import { orderRow } from "../support/order.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const PENDING = orderRow();

/** Reads of one order by a database that says when each came. */
function readsOf(row: () => OrderRow) {
  const times: number[] = [];
  const statement = {
    bind: () => statement,
    first: async () => {
      times.push(Date.now());
      return row();
    },
  };
  return { db: { prepare: () => statement } as unknown as D1Database, times };
}

describe("waiting for an outcome", () => {
  test("reads D1 once a second, and answers with the order as it stands when the time is up", async () => {
    const { db, times } = readsOf(() => PENDING);
    const start_ms = Date.now();
    const waiting = awaitOutcome(db, orderFromRow(PENDING), 10_000);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await waiting).toMatchObject({ status: "pending" });
    expect(times.map((time) => time - start_ms)).toEqual(
      Array.from({ length: 10 }, (_, i) => (i + 1) * 1_000),
    );
  });

  test("ends with the first look that finds it decided", async () => {
    const { db, times } = readsOf(() =>
      times.length < 3 ? PENDING : { ...PENDING, status: "confirmed", revision: 2 },
    );
    const waiting = awaitOutcome(db, orderFromRow(PENDING), 10_000);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await waiting).toMatchObject({ status: "confirmed", revision: 2 });
    expect(times).toHaveLength(3);
  });

  test("reads nothing when the order is decided already", async () => {
    const { db, times } = readsOf(() => PENDING);
    const paid: Order = { ...orderFromRow(PENDING), status: "paid" };
    expect(await awaitOutcome(db, paid, 10_000)).toBe(paid);
    expect(times).toEqual([]);
  });

  test("keeps 200 waiting; the next is answered at once, until there is room", async () => {
    const { db, times } = readsOf(() => PENDING);
    const order = orderFromRow(PENDING);
    const waiting = Array.from({ length: 200 }, () => awaitOutcome(db, order, 2_000));
    expect(await awaitOutcome(db, order, 2_000)).toBe(order);
    expect(times).toEqual([]);
    await vi.advanceTimersByTimeAsync(2_000);
    await Promise.all(waiting);
    const again = awaitOutcome(db, order, 1_000);
    const before = times.length;
    await vi.advanceTimersByTimeAsync(1_000);
    await again;
    expect(times).toHaveLength(before + 1);
  });

  test("a waiter whose read fails gives its place back", async () => {
    const { db } = readsOf(() => {
      throw new Error("D1 is away");
    });
    const order = orderFromRow(PENDING);
    const failing = Array.from({ length: 200 }, () => awaitOutcome(db, order, 1_000));
    const ends = Promise.allSettled(failing);
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
    const { db: back, times } = readsOf(() => PENDING);
    const waiting = awaitOutcome(back, order, 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    await waiting;
    expect(times).toHaveLength(1);
  });
});

describe("the memory of what is sold out", () => {
  const shortage = { sku: "A", requested: 3, available: 2, reason: "out_of_stock" } as const;
  const line = (quantity: number, sku = "A") => [{ sku, quantity }];

  test("refuses what is asked beyond what there was, for a second", () => {
    const memory = new SoldOutCache();
    memory.remember([shortage], null, 1_000);
    expect(memory.shortage(line(5), 1_999)).toEqual({ ...shortage, requested: 5 });
    expect(memory.shortage(line(3), 2_000)).toBeNull();
  });

  test("lets pass what there was, and items it knows nothing of", () => {
    const memory = new SoldOutCache();
    memory.remember([shortage], null, 1_000);
    expect(memory.shortage(line(2), 1_000)).toBeNull();
    expect(memory.shortage(line(3, "B"), 1_000)).toBeNull();
  });

  test("says nothing of carts with other lines: D1 may refuse these for another reason first", () => {
    const memory = new SoldOutCache();
    memory.remember([shortage, { ...shortage, sku: "B" }], null, 1_000);
    expect(memory.shortage([...line(3), ...line(3, "B")], 1_000)).toBeNull();
    expect(memory.shortage([...line(3), ...line(3, "NONE")], 1_000)).toBeNull();
  });

  test("ends with the sale: from then on D1 says that it is not open", () => {
    const memory = new SoldOutCache();
    memory.remember([shortage], 1_400, 1_000);
    expect(memory.shortage(line(3), 1_399)).not.toBeNull();
    expect(memory.shortage(line(3), 1_400)).toBeNull();
  });

  test("stays small", () => {
    const memory = new SoldOutCache();
    for (let i = 0; i < 5_000; i++) memory.remember([{ ...shortage, sku: `S${i}` }], null, 1_000);
    const known = Array.from({ length: 5_000 }, (_, i) => memory.shortage(line(3, `S${i}`), 1_000));
    expect(known.filter((one) => one !== null).length).toBeLessThanOrEqual(1_002);
    expect(memory.shortage(line(3, "S4999"), 1_000)).not.toBeNull();
  });
});
