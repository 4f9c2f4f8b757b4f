import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AnnounceBuffer } from "../../src/orders/place/announce-buffer.ts";
import { GroupCommit } from "../../src/orders/place/group-commit.ts";
import { allPlaced, candidate } from "./orders-desk-rig.ts";

let start_ms = 0;
beforeEach(() => {
  vi.useFakeTimers({
    toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"],
  });
  start_ms = Date.now();
});
afterEach(() => vi.useRealTimers());

interface Announced {
  orders: number;
  at_ms: number;
}

describe("a desk announces committed orders", () => {
  /** When orders that come at once, after others, are announced, and how many together. */
  async function announcements(...counts: [at_ms: number, count: number][]) {
    const announced: Announced[] = [];
    const desk = new GroupCommit({
      placeAll: async (batch) => allPlaced(batch),
      watch: async () => {},
      decide: async () => null,
      announce: async ({ orders }) => {
        announced.push({ orders: orders.length, at_ms: Date.now() - start_ms });
      },
    });
    for (const [at_ms, count] of counts) {
      setTimeout(() => {
        for (let i = 0; i < count; i++) void desk.place(candidate());
      }, at_ms);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    return announced;
  }

  it("at once when each comes alone", async () => {
    expect(await announcements([1, 1], [100, 1])).toEqual([
      { orders: 1, at_ms: 1 },
      { orders: 1, at_ms: 100 },
    ]);
  });

  it("together after 20 ms", async () => {
    expect(await announcements([1, 4], [5, 3], [10, 3])).toEqual([{ orders: 10, at_ms: 21 }]);
  });

  it("for many items together, though each commit takes longer than 20 ms", async () => {
    const announced: Announced[] = [];
    const desk = new GroupCommit({
      async placeAll(batch) {
        await new Promise((resolve) => setTimeout(resolve, 30));
        return allPlaced(batch);
      },
      watch: async () => {},
      decide: async () => null,
      announce: async ({ orders }) => {
        announced.push({ orders: orders.length, at_ms: Date.now() - start_ms });
      },
    });
    let next = 0;
    const arriving = setInterval(() => {
      void desk.place(candidate({ lines: [{ sku: `SKU-${next++}`, quantity: 1 }] }));
    }, 5);
    await vi.advanceTimersByTimeAsync(700);
    clearInterval(arriving);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(announced.map(({ orders }) => orders)).toEqual([1, 59, 60, 20]);
  });

  it("at once when they fill a message", async () => {
    expect(await announcements([1, 64], [10, 64])).toEqual([{ orders: 128, at_ms: 12 }]);
  });
});

describe("the announce buffer", () => {
  /**
   * One commit each so many ms, each of orders with one line, for the next items in turn; all that
   * is announced.
   */
  async function held(
    commits: number,
    { each_ms, orders, items }: { each_ms: number; orders: number; items: number },
  ) {
    const announced: Announced[] = [];
    const buffer = new AnnounceBuffer((all) =>
      announced.push({ orders: all.length, at_ms: Date.now() - start_ms }),
    );
    let next = 0;
    for (let i = 0; i < commits; i++) {
      for (let n = 0; n < orders; n++) {
        buffer.add({ order: { lines: [lineFor(next++ % items)] } });
      }
      buffer.schedule({ isBusy: true });
      await vi.advanceTimersByTimeAsync(each_ms);
    }
    await vi.advanceTimersByTimeAsync(1_000);
    return announced;
  }
  const lineFor = (item: number) => ({
    sku: `SKU-${item}`,
    name: "",
    quantity: 1,
    price: { amount: 1, currency: "EUR" },
    limitPerCustomer: null,
  });

  it("is announced after 20 ms when it has four lines for each item", async () => {
    expect(await held(4, { each_ms: 10, orders: 8, items: 2 })).toEqual([
      { orders: 16, at_ms: 20 },
      { orders: 16, at_ms: 40 },
    ]);
  });

  it("stays open for up to 300 ms while it has fewer and orders keep coming", async () => {
    expect(await held(33, { each_ms: 10, orders: 8, items: 100 })).toEqual([
      { orders: 30 * 8, at_ms: 300 },
      { orders: 3 * 8, at_ms: 340 },
    ]);
  });

  it("is announced as soon as it has four lines for each item", async () => {
    expect(await held(5, { each_ms: 10, orders: 8, items: 10 })).toEqual([
      { orders: 5 * 8, at_ms: 40 },
    ]);
  });

  it("is announced when no order came for 20 ms", async () => {
    expect(await held(2, { each_ms: 10, orders: 8, items: 100 })).toEqual([
      { orders: 2 * 8, at_ms: 30 },
    ]);
  });

  it("stays open for the commit under way, for up to 300 ms", async () => {
    const announced: number[] = [];
    const buffer = new AnnounceBuffer(() => announced.push(Date.now() - start_ms));
    for (const commit_ms of [40, 400]) {
      buffer.add({ order: { lines: [lineFor(1)] } });
      buffer.schedule({ isBusy: true });
      buffer.extend();
      await vi.advanceTimersByTimeAsync(commit_ms);
    }
    expect(announced).toEqual([300]);
  });

  it("is announced after 20 ms during a commit when it has four lines for each item", async () => {
    const announced: number[] = [];
    const buffer = new AnnounceBuffer(() => announced.push(Date.now() - start_ms));
    for (let i = 0; i < 4; i++) buffer.add({ order: { lines: [lineFor(1)] } });
    buffer.schedule({ isBusy: true });
    buffer.extend();
    await vi.advanceTimersByTimeAsync(200);
    expect(announced).toEqual([20]);
  });

  it("is announced at once when it has as many orders as one send takes", async () => {
    expect(await held(2, { each_ms: 1, orders: 200, items: 1_000 })).toEqual([
      { orders: 400, at_ms: 1 },
    ]);
  });

  it("is announced once, and not at all when there is nothing", async () => {
    const announce = vi.fn<(held: unknown[]) => void>();
    const buffer = new AnnounceBuffer(announce);
    buffer.schedule({ isBusy: false });
    buffer.add({ order: { lines: [lineFor(1)] } });
    buffer.schedule({ isBusy: true });
    buffer.schedule({ isBusy: false });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(announce).toHaveBeenCalledTimes(1);
  });
});
