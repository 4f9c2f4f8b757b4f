import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Desk } from "../../src/orders/place/group-commit.ts";
import { Holding } from "../../src/orders/place/announce-buffer.ts";
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

describe("the desk announces what is durable", () => {
  /** When orders that come at once, after others, are announced, and how many together. */
  async function announcements(...counts: [at_ms: number, count: number][]) {
    const announced: Announced[] = [];
    const desk = new Desk({
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

  it("at once, when it is a lone order", async () => {
    expect(await announcements([1, 1], [100, 1])).toEqual([
      { orders: 1, at_ms: 1 },
      { orders: 1, at_ms: 100 },
    ]);
  });

  it("after 20 ms, with what came meanwhile", async () => {
    expect(await announcements([1, 4], [5, 3], [10, 3])).toEqual([{ orders: 10, at_ms: 21 }]);
  });

  it("that is scattered together, though each commit takes longer than 20 ms", async () => {
    const announced: Announced[] = [];
    const desk = new Desk({
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

  it("as soon as it fills a message", async () => {
    expect(await announcements([1, 64], [10, 64])).toEqual([{ orders: 128, at_ms: 12 }]);
  });
});

describe("what is held", () => {
  /**
   * One commit each so many ms, each of orders with one line, for the next items in turn; all that
   * is announced.
   */
  async function held(
    commits: number,
    { each_ms, orders, items }: { each_ms: number; orders: number; items: number },
  ) {
    const announced: Announced[] = [];
    const holding = new Holding((all) =>
      announced.push({ orders: all.length, at_ms: Date.now() - start_ms }),
    );
    let next = 0;
    for (let i = 0; i < commits; i++) {
      for (let n = 0; n < orders; n++) {
        holding.add({ order: { lines: [lineFor(next++ % items)] } });
      }
      holding.settle({ isBusy: true });
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

  it("goes after 20 ms when four lines meet at an item", async () => {
    expect(await held(4, { each_ms: 10, orders: 8, items: 2 })).toEqual([
      { orders: 16, at_ms: 20 },
      { orders: 16, at_ms: 40 },
    ]);
  });

  it("waits for more to meet while they keep coming, 300 ms at most", async () => {
    expect(await held(33, { each_ms: 10, orders: 8, items: 100 })).toEqual([
      { orders: 30 * 8, at_ms: 300 },
      { orders: 3 * 8, at_ms: 340 },
    ]);
  });

  it("goes when enough of them have met", async () => {
    expect(await held(5, { each_ms: 10, orders: 8, items: 10 })).toEqual([
      { orders: 5 * 8, at_ms: 40 },
    ]);
  });

  it("goes when nobody came for 20 ms", async () => {
    expect(await held(2, { each_ms: 10, orders: 8, items: 100 })).toEqual([
      { orders: 2 * 8, at_ms: 30 },
    ]);
  });

  it("waits for the commit under way, 300 ms at most", async () => {
    const announced: number[] = [];
    const holding = new Holding(() => announced.push(Date.now() - start_ms));
    for (const commit_ms of [40, 400]) {
      holding.add({ order: { lines: [lineFor(1)] } });
      holding.settle({ isBusy: true });
      holding.expectMore();
      await vi.advanceTimersByTimeAsync(commit_ms);
    }
    expect(announced).toEqual([300]);
  });

  it("goes after 20 ms whatever is under way when four lines meet at an item", async () => {
    const announced: number[] = [];
    const holding = new Holding(() => announced.push(Date.now() - start_ms));
    for (let i = 0; i < 4; i++) holding.add({ order: { lines: [lineFor(1)] } });
    holding.settle({ isBusy: true });
    holding.expectMore();
    await vi.advanceTimersByTimeAsync(200);
    expect(announced).toEqual([20]);
  });

  it("goes when it is as much as one send takes, however scattered", async () => {
    expect(await held(2, { each_ms: 1, orders: 200, items: 1_000 })).toEqual([
      { orders: 400, at_ms: 1 },
    ]);
  });

  it("is announced once, and not at all when there is nothing", async () => {
    const announce = vi.fn<(held: unknown[]) => void>();
    const holding = new Holding(announce);
    holding.settle({ isBusy: false });
    holding.add({ order: { lines: [lineFor(1)] } });
    holding.settle({ isBusy: true });
    holding.settle({ isBusy: false });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(announce).toHaveBeenCalledTimes(1);
  });
});
