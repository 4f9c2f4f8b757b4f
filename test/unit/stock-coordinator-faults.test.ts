import { afterEach, describe, expect, test, vi } from "vitest";
import type { Delay } from "../../src/runtime/queue-consumer.ts";
import { type CallItem, coordinate } from "../../src/stock/coordinator.ts";
import type { ItemCommand } from "../../src/stock/item/rules.ts";
import { event, shelf } from "./stock-fixtures.ts";

const errorOf = (delay: Delay | undefined) => (delay?.type === "failed" ? delay.error : delay);

const placed = event("order.placed", 1, { A: 2, B: 3 });

type Fault = (call: () => ReturnType<CallItem>) => ReturnType<CallItem>;
const lostOnTheWay: Fault = async () => {
  throw new Error("no way to the item");
};
const lostAnswer: Fault = async (call) => {
  await call();
  throw new Error("answer lost");
};

/** A shelf where the call for this SKU and command meets a fault. */
function faulty(stock: Record<string, number>, sku: string, type: ItemCommand["type"], f: Fault) {
  const all = shelf(stock);
  const callItem: CallItem = (at, commands) => {
    const call = () => all.callItem(at, commands);
    return at === sku && commands.some((command) => command.type === type) ? f(call) : call();
  };
  return { ...all, callItem };
}

const releases = (calls: ItemCommand[][]) =>
  calls.flat().filter(({ type }) => type === "release").length;

describe("only a recorded refusal starts compensation", () => {
  test.each([
    ["never reached the item", lostOnTheWay],
    ["was done but not answered", lostAnswer],
  ])("a lock that %s leaves the order undecided and releases nothing", async (_, fault) => {
    const { item, callItem } = faulty({ A: 5, B: 5 }, "B", "lock", fault);
    const { outcomes, undecided } = await coordinate([placed], callItem, { now_ms: 0 });
    expect(errorOf(undecided.get(placed))).toMatch(/^Error: (no way|answer lost)/);
    expect(outcomes.map(({ type }) => type)).not.toContain("stock.refused");
    expect(releases(item("A").calls) + releases(item("B").calls)).toBe(0);
    expect(item("A").counters.held).toBe(2);

    const again = await coordinate([placed], shelfOf(item), { now_ms: 0 });
    expect(again.outcomes[0]?.type).toBe("stock.locked");
    expect([item("A").counters.held, item("B").counters.held]).toEqual([2, 3]);
  });

  test("an answer list that is too short decides nothing", async () => {
    const { item, callItem } = shelf({ A: 5, B: 5 });
    const short: CallItem = async (sku, commands) => ({
      ...(await callItem(sku, commands)),
      ...(sku === "B" && { answers: [] }),
    });
    const { undecided } = await coordinate([placed], short, { now_ms: 0 });
    expect(errorOf(undecided.get(placed))).toBe("no answer from B");
    expect(releases(item("A").calls)).toBe(0);
  });

  describe("with time standing still", () => {
    afterEach(() => vi.useRealTimers());

    test("a time-out leaves the order undecided, and the call that ends late changes nothing about it", async () => {
      vi.useFakeTimers();
      const all = shelf({ A: 5, B: 5 });
      let wake = (): void => {};
      const hung = new Promise<void>((resolve) => (wake = resolve));
      const slow: CallItem = async (sku, commands) => {
        if (sku === "B") await hung;
        return all.callItem(sku, commands);
      };
      const running = coordinate([placed], slow, { now_ms: 0 });
      await vi.advanceTimersByTimeAsync(3_000);
      const { undecided } = await running;
      expect(errorOf(undecided.get(placed))).toMatch(/stock item B took longer than 3000 ms/);
      expect(releases(all.item("A").calls)).toBe(0);

      wake();
      await vi.advanceTimersByTimeAsync(0);
      const again = await coordinate([placed], all.callItem, { now_ms: 0 });
      expect(again.outcomes[0]?.type).toBe("stock.locked");
      expect(all.item("B").counters.held).toBe(3);
    });
  });
});

describe("compensation", () => {
  test.each([
    ["never reached the item", lostOnTheWay],
    ["was done but not answered", lostAnswer],
  ])("invariant 5: covers a line whose lock %s", async (_, fault) => {
    const { item, callItem } = faulty({ A: 5, B: 0 }, "A", "lock", fault);
    const { outcomes, undecided } = await coordinate([placed], callItem, { now_ms: 0 });
    expect(undecided.size).toBe(0);
    expect(outcomes[0]).toMatchObject({ type: "stock.refused", shortages: [{ sku: "B" }] });
    expect(item("A").counters.held).toBe(0);
    // The lock that was under way arrives now: the tombstone keeps it out.
    item("A").apply([lockOfA]);
    expect(item("A").counters.held).toBe(0);
  });

  test("does not release the line that was refused", async () => {
    const { item, callItem } = shelf({ A: 5, B: 0 });
    await coordinate([placed], callItem, { now_ms: 0 });
    expect(releases(item("B").calls)).toBe(0);
    expect(releases(item("A").calls)).toBe(1);
  });

  test("brings to light a refusal whose own answer was lost", async () => {
    const { callItem } = faulty({ A: 0, B: 0 }, "A", "lock", lostAnswer);
    const { outcomes } = await coordinate([placed], callItem, { now_ms: 0 });
    expect(outcomes[0]).toMatchObject({
      type: "stock.refused",
      shortages: [{ sku: "A", reason: "out_of_stock" }, { sku: "B" }],
    });
  });

  test.each([
    ["never reached the item", lostOnTheWay],
    ["was done but not answered", lostAnswer],
  ])("the refusal is not told while a release %s", async (_, fault) => {
    const { item, callItem } = faulty({ A: 5, B: 0 }, "A", "release", fault);
    const { outcomes, undecided } = await coordinate([placed], callItem, { now_ms: 0 });
    expect(undecided.has(placed)).toBe(true);
    expect(outcomes.filter(({ type }) => type !== "stock.level")).toEqual([]);

    const again = await coordinate([placed], shelfOf(item), { now_ms: 0 });
    expect(again.outcomes[0]).toMatchObject({ type: "stock.refused", shortages: [{ sku: "B" }] });
    expect(item("A").counters.held).toBe(0);
  });
});

test.each([
  ["order.cancelled", "release"],
  ["order.paid", "commit"],
] as const)("%s is not told while one item has not answered", async (type, command) => {
  const { item, callItem } = faulty({ A: 5, B: 5 }, "B", command, lostAnswer);
  const done = event(type, 1, { A: 2, B: 3 });
  await coordinate([placed], callItem, { now_ms: 0 });
  const { outcomes, undecided } = await coordinate([done], callItem, { now_ms: 0 });
  expect([...undecided.keys()]).toEqual([done]);
  expect(outcomes.filter((outcome) => outcome.type !== "stock.level")).toEqual([]);
  const again = await coordinate([done], shelfOf(item), { now_ms: 0 });
  expect(again.undecided.size).toBe(0);
});

test("one item that fails leaves the orders of the others decided", async () => {
  const { callItem } = faulty({ A: 5, B: 5 }, "B", "lock", lostOnTheWay);
  const onA = event("order.placed", 2, { A: 1 });
  const onB = event("order.placed", 3, { B: 1 });
  const { outcomes, undecided } = await coordinate([onA, onB], callItem, { now_ms: 0 });
  expect(outcomes[0]).toMatchObject({ type: "stock.locked", orderId: onA.orderId });
  expect([...undecided.keys()]).toEqual([onB]);
});

const lockOfA: ItemCommand = {
  type: "lock",
  orderId: placed.orderId,
  customerId: "customer",
  quantity: 2,
  limit: null,
};

/** The same items, reached without fault. */
const shelfOf =
  (item: ReturnType<typeof shelf>["item"]): CallItem =>
  async (sku, commands) =>
    item(sku).apply(commands);
