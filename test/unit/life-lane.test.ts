import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { OrderEvent } from "../../src/contract/order-events.ts";
import { type StockEvent, stockOutcome } from "../../src/contract/stock-events.ts";
import type { Order } from "../../src/orders/order/order.ts";
import { Lane, type LanePorts } from "../../src/orders/place/lane.ts";
import { order } from "../support/order.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const price = { amount: 1, currency: "EUR" };

const pendingOrder = () =>
  order({ lines: [{ sku: "A", name: "A", quantity: 2, price, limitPerCustomer: 3 }] });

interface Call {
  events: OrderEvent[];
  answer: (outcomes: StockEvent[]) => void;
  fail: (error: Error) => void;
}

/** A lane whose calls the test answers; settling confirms whatever has an outcome. */
function laneWith(settle?: LanePorts["settle"]) {
  const calls: Call[] = [];
  const known = new Map<string, Order>();
  const lane = new Lane({
    execute: (events) =>
      new Promise((answer, fail) => {
        calls.push({ events, answer, fail });
      }),
    settle:
      settle ??
      (async (outcomes, ids) => {
        const decided = new Set(outcomes.map((event) => "orderId" in event && event.orderId));
        return ids.map((id) => {
          const order = known.get(id) as Order;
          return decided.has(id) ? { ...order, status: "confirmed" } : order;
        });
      }),
    now: Date.now,
  });
  const run = (order = pendingOrder()) => {
    known.set(order.id, order);
    return lane.run(order);
  };
  return { calls, run };
}

const allLocked = ({ events, answer }: Call) =>
  answer(events.map(({ orderId }) => stockOutcome("stock.locked", orderId, 0)));
const tick = () => vi.advanceTimersByTimeAsync(0);
const many = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

describe("the lane", () => {
  test("carries the command that the queue would carry", async () => {
    const { calls, run } = laneWith();
    const order = pendingOrder();
    const decided = run(order);
    await tick();
    expect(calls[0]?.events).toMatchObject([
      {
        type: "order.placed",
        orderId: order.id,
        customerId: "ann",
        lines: [{ sku: "A", quantity: 2, limitPerCustomer: 3 }],
      },
    ]);
    allLocked(calls[0] as Call);
    expect(await decided).toMatchObject({ id: order.id, status: "confirmed" });
  });

  test("takes orders that come in one turn in one call, and those that come later in the next", async () => {
    const { calls, run } = laneWith();
    const first = many(50, () => run());
    await tick();
    expect(calls.map(({ events }) => events.length)).toEqual([50]);
    const second = many(30, () => run());
    await tick();
    expect(calls.map(({ events }) => events.length)).toEqual([50, 30]);
    const third = many(20, () => run());
    await tick();
    // Two calls are under way: the rest waits for one of them.
    expect(calls).toHaveLength(2);
    allLocked(calls[0] as Call);
    await tick();
    expect(calls.map(({ events }) => events.length)).toEqual([50, 30, 20]);
    allLocked(calls[1] as Call);
    allLocked(calls[2] as Call);
    const decided = await Promise.all([...first, ...second, ...third]);
    expect(decided.every((order) => order?.status === "confirmed")).toBe(true);
  });

  test("carries at most 200 orders in one call", async () => {
    const { calls, run } = laneWith();
    const all = many(450, () => run());
    await tick();
    calls.forEach(allLocked);
    await tick();
    calls.slice(2).forEach(allLocked);
    expect((await Promise.all(all)).every((order) => order?.status === "confirmed")).toBe(true);
    expect(calls.map(({ events }) => events.length)).toEqual([200, 200, 50]);
  });

  test("answers null for an order that the stock Worker left undecided, and the outcome for others", async () => {
    const { calls, run } = laneWith();
    const [one, two] = [run(), run()];
    await tick();
    const { events, answer } = calls[0] as Call;
    answer([stockOutcome("stock.locked", events[1]?.orderId ?? "", 0)]);
    expect(await one).toBeNull();
    expect(await two).toMatchObject({ status: "confirmed" });
  });

  test("answers null when the stock Worker throws, and goes on with the next", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    const { calls, run } = laneWith();
    const failed = run();
    await tick();
    calls[0]?.fail(new Error("absent"));
    expect(await failed).toBeNull();
    const next = run();
    await tick();
    allLocked(calls[1] as Call);
    expect(await next).toMatchObject({ status: "confirmed" });
  });

  test("answers null after 5 s when the stock Worker hangs", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    const { run } = laneWith();
    const answered = vi.fn<(order: Order | null) => void>();
    void run().then(answered);
    await vi.advanceTimersByTimeAsync(4_990);
    expect(answered).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(20);
    expect(answered).toHaveBeenCalledExactlyOnceWith(null);
  });

  test("answers null when the outcome cannot be settled", async () => {
    vi.spyOn(console, "warn").mockReturnValue();
    const { calls, run } = laneWith(() => Promise.reject(new Error("D1 is away")));
    const order = run();
    await tick();
    allLocked(calls[0] as Call);
    expect(await order).toBeNull();
  });

  test("takes 600 orders at a time; the next is answered null at once, until there is room", async () => {
    const { calls, run } = laneWith();
    const taken = many(600, () => run());
    await tick();
    const before = calls.length;
    expect(await run()).toBeNull();
    expect(calls).toHaveLength(before);
    allLocked(calls[0] as Call);
    await tick();
    const after = run();
    for (let i = 1; i < calls.length; i++) {
      allLocked(calls[i] as Call);
      await tick();
    }
    expect(await after).toMatchObject({ status: "confirmed" });
    expect((await Promise.all(taken)).every((order) => order?.status === "confirmed")).toBe(true);
  });
});
