import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type OrderRow, orderFromRow } from "../../src/orders/order/order-queries.sql.ts";
import { type Order } from "../../src/orders/order/order.ts";
import { SoldOutCache } from "../../src/orders/place/sold-out-cache.ts";
import { orderRow } from "../support/order.ts";

const PENDING = orderRow();

/** A reader whose database says when each statement came, and which orders it named. */
function readerOf(rows: () => OrderRow[]) {
  const times: number[] = [];
  let asked: { id: string; revision: number }[] = [];
  const statement = {
    bind: (json: string) => {
      asked = JSON.parse(json);
      return statement;
    },
    all: async () => {
      times.push(Date.now());
      const known = new Map(asked.map(({ id, revision }) => [id, revision]));
      return { results: rows().filter(({ id, revision }) => revision > (known.get(id) ?? 1e9)) };
    },
  };
  const source = { prepare: () => statement } as unknown as D1Database;
  return { reader: { source, background: () => undefined }, times };
}

describe("waiting for an outcome", () => {
  let awaitOutcome: typeof import("../../src/orders/place/await-outcome.ts").awaitOutcome;
  let readWithWaiters: typeof import("../../src/orders/place/await-outcome.ts").readWithWaiters;

  beforeEach(async () => {
    vi.useFakeTimers();
    // All who wait in an isolate share its reads; each test is an isolate of its own.
    vi.resetModules();
    ({ awaitOutcome, readWithWaiters } = await import("../../src/orders/place/await-outcome.ts"));
  });
  afterEach(() => vi.useRealTimers());

  test("reads D1 once a second, and answers with the order as it stands when the time is up", async () => {
    const { reader, times } = readerOf(() => [PENDING]);
    const start_ms = Date.now();
    const waiting = awaitOutcome(reader, orderFromRow(PENDING), 9_500);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await waiting).toMatchObject({ status: "pending" });
    expect(times.map((time) => time - start_ms)).toEqual(
      Array.from({ length: 11 }, (_, i) => i * 1_000),
    );
  });

  test("answers in time, also when the next read is later", async () => {
    const { reader } = readerOf(() => [PENDING]);
    const waiting = awaitOutcome(reader, orderFromRow(PENDING), 1_500);
    const isOver = vi.fn<() => void>();
    void waiting.then(isOver);
    await vi.advanceTimersByTimeAsync(1_749);
    expect(isOver).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(isOver).toHaveBeenCalledTimes(1);
    expect(await waiting).toMatchObject({ status: "pending" });
  });

  test("ends with the first look that finds it decided", async () => {
    const { reader, times } = readerOf(() =>
      times.length < 3 ? [PENDING] : [{ ...PENDING, status: "confirmed", revision: 2 }],
    );
    const waiting = awaitOutcome(reader, orderFromRow(PENDING), 10_000);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await waiting).toMatchObject({ status: "confirmed", revision: 2 });
    expect(times).toHaveLength(3);
  });

  test("goes on after a change that decides nothing", async () => {
    const later = { ...PENDING, revision: 2 };
    const { reader, times } = readerOf(() =>
      times.length < 3 ? [later] : [{ ...later, status: "paid", revision: 3 }],
    );
    const waiting = awaitOutcome(reader, orderFromRow(PENDING), 10_000);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(await waiting).toMatchObject({ status: "paid", revision: 3 });
  });

  test("reads nothing when the order is decided already", async () => {
    const { reader, times } = readerOf(() => [PENDING]);
    const paid: Order = { ...orderFromRow(PENDING), status: "paid" };
    expect(await awaitOutcome(reader, paid, 10_000)).toBe(paid);
    expect(times).toEqual([]);
  });

  test("a statement a second serves 1,500 who wait and those who begin to", async () => {
    const rows = Array.from({ length: 1_500 }, (_, i) => ({ ...PENDING, id: `order-${i}` }));
    const { reader, times } = readerOf(() => rows);
    const waiting = rows.map((row) => awaitOutcome(reader, orderFromRow(row), 9_000));
    await vi.advanceTimersByTimeAsync(2_500);
    const some = rows.slice(0, 400);
    const found = Promise.all(some.map(({ id }) => readWithWaiters(reader, id)));
    await vi.advanceTimersByTimeAsync(5_000);
    expect((await found).every((order) => order?.status === "pending")).toBe(true);
    expect(await Promise.race([readWithWaiters(reader, "none"), advance(2_000)])).toBeNull();
    await vi.advanceTimersByTimeAsync(5_000);
    await Promise.all(waiting);
    const least = Math.min(...times.slice(1).map((time, i) => time - (times[i] ?? 0)));
    expect(least).toBeGreaterThanOrEqual(1_000);
    expect(times.length).toBeGreaterThan(8);
  });

  test("keeps 2,000 waiting; the next is answered at once, until there is room", async () => {
    const { reader } = readerOf(() => [PENDING]);
    const order = orderFromRow(PENDING);
    const waiting = Array.from({ length: 2_000 }, () => awaitOutcome(reader, order, 2_000));
    expect(await awaitOutcome(reader, order, 2_000)).toBe(order);
    await vi.advanceTimersByTimeAsync(3_000);
    await Promise.all(waiting);
    const again = awaitOutcome(reader, order, 1_000);
    const isOver = vi.fn<() => void>();
    void again.then(isOver);
    await vi.advanceTimersByTimeAsync(500);
    expect(isOver).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1_500);
    await again;
  });

  test("a waiter whose read fails gives its place back, and the next read is another", async () => {
    let isAway = true;
    const { reader, times } = readerOf(() => {
      if (isAway) throw new Error("D1 is away");
      return [{ ...PENDING, status: "confirmed", revision: 2 }];
    });
    const order = orderFromRow(PENDING);
    const failing = Array.from({ length: 2_000 }, () => awaitOutcome(reader, order, 1_000));
    const ends = Promise.allSettled(failing);
    await vi.advanceTimersByTimeAsync(1_000);
    expect((await ends).every(({ status }) => status === "rejected")).toBe(true);
    isAway = false;
    const waiting = awaitOutcome(reader, order, 1_000);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(await waiting).toMatchObject({ status: "confirmed" });
    expect(times).toHaveLength(2);
  });
});

const advance = async (ms: number): Promise<"late"> => {
  await vi.advanceTimersByTimeAsync(ms);
  return "late";
};

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
