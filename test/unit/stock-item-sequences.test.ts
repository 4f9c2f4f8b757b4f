import { describe, expect, test } from "vitest";
import { isBalanced, type ItemAnswer, type ItemCommand } from "../../src/stock/item/rules.ts";
import { MemoryItem, orderId, replay, seeded } from "./stock-fixtures.ts";

const ORDERS = 40;
const CUSTOMERS = 4;
const STEPS = 600;
const SEEDS = Array.from({ length: 25 }, (_, i) => i + 1);

interface Step {
  command: ItemCommand;
  answer: ItemAnswer;
  availableBefore: number;
}

interface Refusal extends Step {
  command: Extract<ItemCommand, { type: "lock" }>;
}

/** A long random life of one item: locks, releases, commits and adjustments in any order. */
function live(seed: number, check: (item: MemoryItem, step: Step) => void): MemoryItem {
  const below = seeded(seed);
  const item = new MemoryItem("A", 30);
  for (let i = 0; i < STEPS; i++) {
    if (below(12) === 0) item.adjust(below(9) - 4 || 1);
    const n = below(ORDERS);
    const availableBefore = item.counters.available;
    const command = commandOf(n, below);
    const [answer] = item.apply([command]).answers;
    check(item, { command, answer: answer!, availableBefore });
  }
  return item;
}

/** An order always asks for the same: its customer, quantity and limit follow from its number. */
function commandOf(n: number, below: (n: number) => number): ItemCommand {
  const type = (["lock", "lock", "release", "commit"] as const)[below(4)]!;
  if (type !== "lock") return { type, orderId: orderId(n) };
  const limit = n % 2 === 0 ? 7 : null;
  const customerId = `customer ${n % CUSTOMERS}`;
  return { type, orderId: orderId(n), customerId, quantity: 1 + (n % 5), limit };
}

const reasonOf = (answer: ItemAnswer) =>
  answer.type === "refused" ? answer.shortage?.reason : undefined;

function countersByLocks(item: MemoryItem) {
  const of = (state: string) =>
    [...item.locks.values()]
      .filter((lock) => lock.state === state)
      .reduce((sum, lock) => sum + lock.quantity, 0);
  const [held, sold] = [of("held"), of("sold")];
  const { received } = item.counters;
  return { received, available: received - held - sold, held, sold };
}

describe.each(SEEDS)("a random life of an item (seed %i)", (seed) => {
  test("invariant 1: received = available + held + sold after every command, and as the ledger and the locks say", () => {
    live(seed, (item) => {
      expect(isBalanced(item.counters)).toBe(true);
      expect(replay(item.ledger)).toEqual(item.counters);
      expect(countersByLocks(item)).toEqual(item.counters);
    });
  });

  test("invariant 3: a refusal for want of stock had fewer available than asked for, and is repeated as it was", () => {
    const decided = new Map<string, Refusal>();
    const changed: Step[] = [];
    live(seed, (_, step) => {
      const { command, answer } = step;
      if (command.type !== "lock" || answer.type !== "refused" || !answer.shortage) return;
      const first = decided.get(command.orderId) ?? { ...step, command };
      decided.set(command.orderId, first);
      if (JSON.stringify(first.answer) !== JSON.stringify(answer)) changed.push(step);
    });
    const unfounded = [...decided.values()].filter(
      ({ command, answer, availableBefore }) =>
        reasonOf(answer) === "out_of_stock" && availableBefore >= command.quantity,
    );
    expect(changed).toEqual([]);
    expect(unfounded).toEqual([]);
    expect(decided.size).toBeGreaterThan(0);
  });

  test("invariant 6: a hold ends once, and a late lock after a release takes nothing", () => {
    const released = new Set<string>();
    const item = live(seed, ({ locks }, { command, answer }) => {
      if (answer.type === "released") released.add(command.orderId);
      if (!released.has(command.orderId)) return;
      expect(answer.type).not.toBe("locked");
      expect(answer.type).not.toBe("committed");
      expect(["refused", "released"]).toContain(locks.get(command.orderId)?.state);
    });
    for (const id of item.locks.keys()) {
      const kinds = item.ledger.filter((entry) => entry.orderId === id).map(({ kind }) => kind);
      expect([[], ["lock"], ["lock", "release"], ["lock", "commit"]]).toContainEqual(kinds);
    }
    expect(released.size).toBeGreaterThan(0);
  });
});

test("a customer never holds and owns more than the limit while every order carries it", () => {
  const below = seeded(7);
  const item = new MemoryItem("A", 1000);
  for (let i = 0; i < STEPS; i++) {
    const command = commandOf(below(ORDERS) & ~1, below);
    item.apply([command]);
    for (let c = 0; c < CUSTOMERS; c++) {
      expect(item.unitsOf(`customer ${c}`)).toBeLessThanOrEqual(7);
    }
  }
});
