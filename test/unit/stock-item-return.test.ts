import { describe, expect, test } from "vitest";
import { Random } from "../../scripts/lib/random.ts";
import {
  decide,
  isBalanced,
  type ItemView,
  type Lock,
  type ReturnCommand,
} from "../../src/stock/item/rules.ts";
import { MemoryItem, orderId, replay } from "./stock-fixtures.ts";

const ID = orderId(1);
const SOLD: Lock = {
  orderId: ID,
  customerId: "ann",
  quantity: 3,
  state: "sold",
  shortage: null,
  returned: 1,
};

const taking = (quantity: number, restock = true, returnId = orderId(900)): ReturnCommand => ({
  type: "return",
  orderId: ID,
  returnId,
  customerId: "ann",
  quantity,
  restock,
  reason: "damaged",
  actor: { kind: "service", sub: "shop" },
});

function returnTo(given: Partial<ItemView>, command = taking(2)) {
  const view: ItemView = {
    counters: { received: 10, available: 3, held: 3, sold: 4 },
    isPaused: false,
    lock: SOLD,
    isForgotten: false,
    customerUnits: 0,
    returnState: "new",
    ...given,
  };
  return decide(view, command);
}

describe("a return", () => {
  test("makes sold units available again", () => {
    const { answer, change } = returnTo({});
    expect(answer).toEqual({ type: "returned" });
    expect(change?.counters).toEqual({ received: 10, available: 5, held: 3, sold: 2 });
    expect(change?.lock).toEqual({ ...SOLD, returned: 3 });
  });

  test("writes them off if they cannot be sold again", () => {
    const { answer, change } = returnTo({}, taking(2, false));
    expect(answer).toEqual({ type: "returned" });
    expect(change?.counters).toEqual({ received: 8, available: 3, held: 3, sold: 2 });
  });

  test("that was applied is answered again and changes nothing", () => {
    for (const lock of [SOLD, undefined]) {
      const decision = returnTo({ returnState: "applied", lock });
      expect(decision).toEqual({ answer: { type: "returned" } });
    }
  });

  test("needs no lock, once the item may have forgotten the order", () => {
    const { answer, change } = returnTo({ lock: undefined, isForgotten: true });
    expect(answer).toEqual({ type: "returned" });
    expect(change).toMatchObject({ lock: undefined, counters: { available: 5, sold: 2 } });
  });

  test("before its commit is too early: no breach, and nothing changes", () => {
    const decision = returnTo({ lock: { ...SOLD, state: "held", returned: 0 } });
    expect(decision).toEqual({ answer: { type: "too_early", detail: expect.any(String) } });
  });

  test.each<[string, Partial<ItemView>, ReturnCommand?]>([
    ["of a refused lock", { lock: { ...SOLD, state: "refused" } }],
    ["of a released lock", { lock: { ...SOLD, state: "released" } }],
    ["of an order that is unknown here", { lock: undefined }],
    ["of more units than the lock has left", {}, taking(3)],
    [
      "of more units than are sold",
      {
        lock: undefined,
        isForgotten: true,
        counters: { received: 9, available: 8, held: 0, sold: 1 },
      },
    ],
    ["that may have been applied and forgotten", { returnState: "forgotten" }],
  ])("%s is a breach", (_, given, command) => {
    expect(returnTo(given, command)).toEqual({
      answer: { type: "breach", detail: expect.any(String) },
    });
  });
});

test("repeated and mixed in any order, sold is what was committed less what was returned", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = new Random(seed, "returns");
    const item = new MemoryItem("sku", 20);
    for (let step = 0; step < 60; step++) {
      const order = orderId(random.int(1, 6));
      const returnId = orderId(random.int(100, 130));
      const commands = [
        { type: "lock", orderId: order, customerId: "ann", quantity: 3, limit: null },
        { type: "commit", orderId: order },
        { type: "release", orderId: order },
        { ...taking(random.int(1, 3), random.int(0, 1) === 1, returnId), orderId: order },
      ] as const;
      item.apply([commands[random.int(0, 3)]!]);
      expect(isBalanced(item.counters)).toBe(true);
      expect(replay(item.ledger)).toEqual(item.counters);
      const sold = [...item.locks.values()].filter(({ state }) => state === "sold");
      const units = sold.reduce((sum, { quantity, returned }) => sum + quantity - returned, 0);
      expect(item.counters.sold).toBe(units);
      expect(sold.every(({ quantity, returned }) => returned <= quantity)).toBe(true);
    }
    expect(item.returns.size).toBeLessThanOrEqual(
      item.ledger.filter(({ kind }) => kind === "return" || kind === "write_off").length,
    );
  }
});
