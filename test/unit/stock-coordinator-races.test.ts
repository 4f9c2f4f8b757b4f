import { describe, expect, test, vi } from "vitest";
import type { OrderEvent } from "../../src/contract/order-events.ts";
import { type CallItem, coordinate } from "../../src/stock/coordinator.ts";
import { event, type MemoryItem, replay, seeded, shelf, successorOf } from "./stock-fixtures.ts";

// Some explore thousands of interleavings.
vi.setConfig({ testTimeout: 180_000 });

type Choose = (below: number) => number;

/**
 * What can happen to a call: answered, done but its answer lost, given up and done only later (at
 * the very end too, which is as good as lost on the way).
 */
const FATES = ["answered", "answer lost", "late"] as const;

interface Call {
  deliver: () => ReturnType<CallItem>;
  resolve: (reply: Awaited<ReturnType<CallItem>>) => void;
  reject: (error: Error) => void;
}

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/**
 * Several coordinators at once over the same items. `choose` decides which call under way is next
 * and, while faults are left, what becomes of it. Each coordinator repeats what stayed undecided.
 */
async function race(
  { items, callItem }: ReturnType<typeof shelf>,
  coordinators: OrderEvent[][],
  faults: number,
  choose: Choose,
) {
  const underWay: Call[] = [];
  const queued: CallItem = (sku, commands) =>
    new Promise((resolve, reject) => {
      underWay.push({ deliver: () => callItem(sku, commands), resolve, reject });
    });
  const told = Promise.all(coordinators.map((events) => untilDecided(events, queued)));
  let faultsLeft = faults;
  for (await settled(); underWay.length > 0; await settled()) {
    const [call] = underWay.splice(choose(underWay.length), 1) as [Call];
    const fate = FATES[faultsLeft > 0 ? choose(FATES.length) : 0]!;
    if (fate !== "answered") faultsLeft -= 1;
    if (fate === "late") underWay.push({ ...call, resolve: () => {} });
    const reply = fate === "late" ? undefined : await call.deliver();
    if (fate === "answered" && reply) call.resolve(reply);
    else call.reject(new Error(fate));
  }
  return { items, told: await told };
}

/** The final outcome of each event, by order. */
async function untilDecided(events: OrderEvent[], callItem: CallItem) {
  const outcomes = new Map<string, string>();
  for (let open = events; open.length > 0;) {
    const result = await coordinate(open, callItem, { now_ms: 0 });
    for (const outcome of result.outcomes) {
      if (outcome.type !== "stock.level") outcomes.set(outcome.orderId, outcome.type);
    }
    open = [...result.undecided.keys()];
  }
  return outcomes;
}

/** Runs every path of choices; returns how many there were. */
async function everyPath(run: (choose: Choose) => Promise<void>): Promise<number> {
  const path: { pick: number; below: number }[] = [];
  for (let count = 1; ; count++) {
    let depth = 0;
    await run((below) => (path[depth++] ??= { pick: 0, below }).pick);
    while (path.length > 0 && path.at(-1)!.pick === path.at(-1)!.below - 1) path.pop();
    if (path.length === 0) return count;
    path.at(-1)!.pick += 1;
  }
}

function expectSound(items: Map<string, MemoryItem>): void {
  for (const { counters, ledger } of items.values()) {
    expect(counters.received).toBe(counters.available + counters.held + counters.sold);
    expect(Math.min(...Object.values(counters))).toBeGreaterThanOrEqual(0);
    expect(replay(ledger)).toEqual(counters);
  }
}

/** Every line of the order is held when it was locked, none when it was refused. */
function expectAllOrNothing(
  items: Map<string, MemoryItem>,
  { orderId, lines }: OrderEvent,
  outcome: string | undefined,
): void {
  const held = lines.filter(({ sku }) => items.get(sku)?.locks.get(orderId)?.state === "held");
  expect(held).toHaveLength(outcome === "stock.locked" ? lines.length : 0);
}

const one = event("order.placed", 1, { A: 1, B: 1 });
const two = event("order.placed", 2, { A: 1, B: 1 });

describe("two coordinators of one order (queue and lane), in every interleaving with one fault", () => {
  test.each([
    ["lock it when every line is there", { A: 1, B: 1 }, "stock.locked"],
    ["refuse it when one line is short", { A: 1, B: 0 }, "stock.refused"],
    ["refuse it when both lines are short", { A: 0, B: 0 }, "stock.refused"],
  ])("invariant 4: both %s", async (_, stock, outcome) => {
    const paths = await everyPath(async (choose) => {
      const { items, told } = await race(shelf(stock), [[one], [one]], 1, choose);
      expect(told.map((outcomes) => outcomes.get(one.orderId))).toEqual([outcome, outcome]);
      expectAllOrNothing(items, one, outcome);
      expectSound(items);
    });
    expect(paths).toBeGreaterThan(500);
  });
});

test("invariant 5: two orders that want the same last units are all or nothing in every interleaving", async () => {
  const outcomes = new Set<string>();
  await everyPath(async (choose) => {
    const { items, told } = await race(shelf({ A: 1, B: 1 }), [[one], [two]], 1, choose);
    const [first, second] = [told[0]!.get(one.orderId), told[1]!.get(two.orderId)];
    outcomes.add(`${first} ${second}`);
    expectAllOrNothing(items, one, first);
    expectAllOrNothing(items, two, second);
    expectSound(items);
  });
  // Both may refuse each other (invariant 3); both locked is impossible.
  expect([...outcomes].toSorted()).toEqual([
    "stock.locked stock.refused",
    "stock.refused stock.locked",
    "stock.refused stock.refused",
  ]);
});

test("invariant 6: an order cancelled while it is placed holds nothing in every interleaving", async () => {
  const cancelled = event("order.cancelled", 1, { A: 1, B: 1 });
  await everyPath(async (choose) => {
    const { items, told } = await race(shelf({ A: 1, B: 1 }), [[one], [cancelled]], 1, choose);
    expect(told[1]!.get(one.orderId)).toBe("stock.released");
    for (const { counters } of items.values()) expect(counters.held).toBe(0);
    expectSound(items);
  });
});

test("late money gets the units of the order that expired in every interleaving with its release", async () => {
  const ended = event("order.cancelled", 1, { A: 1, B: 1 });
  const successor = successorOf(1, two);
  await everyPath(async (choose) => {
    const shelved = shelf({ A: 1, B: 1 });
    await coordinate([one], shelved.callItem, { now_ms: 0 });
    const { items, told } = await race(shelved, [[ended], [successor]], 1, choose);
    expect(told[0]!.get(one.orderId)).toBe("stock.released");
    expect(told[1]!.get(two.orderId)).toBe("stock.locked");
    expectAllOrNothing(items, two, "stock.locked");
    expectSound(items);
  });
});

test.each(Array.from({ length: 60 }, (_, i) => i + 1))(
  "invariants 4 and 5: three coordinators of six orders agree under five faults (seed %i)",
  async (seed) => {
    const below = seeded(seed);
    const skus = ["A", "B", "C"];
    const orders = Array.from({ length: 6 }, (_, n) => {
      const wanted = skus.filter(() => below(3) > 0);
      const lines = wanted.length > 0 ? wanted : skus;
      return event("order.placed", n, Object.fromEntries(lines.map((sku) => [sku, 1 + below(2)])));
    });
    const stock = { A: 4, B: 3, C: 4 };
    const { items, told } = await race(
      shelf(stock),
      [orders, orders.toReversed(), orders],
      5,
      below,
    );
    for (const order of orders) {
      const outcomes = told.map((each) => each.get(order.orderId));
      expect(new Set(outcomes).size).toBe(1);
      expectAllOrNothing(items, order, outcomes[0]);
    }
    expectSound(items);
  },
);
