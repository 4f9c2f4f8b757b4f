import { describe, expect, test } from "vitest";
import {
  type Change,
  type Counters,
  decide,
  type ItemAnswer,
  type ItemCommand,
  type ItemView,
  type Lock,
} from "../../src/stock/item/rules.ts";
import { orderId } from "./stock-fixtures.ts";

const ID = orderId(1);
const COUNTERS: Counters = { received: 10, available: 6, held: 3, sold: 1 };
const SHORTAGE = { requested: 2, available: 1, reason: "out_of_stock" } as const;
const HELD: Lock = {
  orderId: ID,
  customerId: "ann",
  quantity: 2,
  state: "held",
  shortage: null,
  returned: 0,
};
const REFUSED: Lock = { ...HELD, state: "refused", shortage: SHORTAGE };
const TOMBSTONE: Lock = { ...HELD, customerId: null, quantity: 0, state: "released" };

const VIEWS = {
  none: {},
  held: { lock: HELD },
  sold: { lock: { ...HELD, state: "sold" } },
  refused: { lock: REFUSED },
  released: { lock: { ...HELD, state: "released" } },
  tombstone: { lock: TOMBSTONE },
  forgotten: { isForgotten: true },
  "held and older than the watermark": { lock: HELD, isForgotten: true },
} satisfies Record<string, Partial<ItemView>>;

const COMMANDS = {
  lock: { type: "lock", orderId: ID, customerId: "ann", quantity: 2, limit: null },
  release: { type: "release", orderId: ID },
  commit: { type: "commit", orderId: ID },
} satisfies Record<string, ItemCommand>;

const view = (given: Partial<ItemView>): ItemView => ({
  counters: COUNTERS,
  isPaused: false,
  lock: undefined,
  isForgotten: false,
  customerUnits: 0,
  returnState: "new",
  ...given,
});

const LOCKED = { type: "locked" } as const;
const COMMITTED = { type: "committed" } as const;
const RELEASED = { type: "released", shortage: null } as const;
const BREACH = { type: "breach", detail: expect.any(String) as string } as const;
const UNTOUCHED = undefined;

const TAKE: Change = {
  counters: { received: 10, available: 4, held: 5, sold: 1 },
  lock: HELD,
  movement: "lock",
};
const GIVE_BACK: Change = {
  counters: { received: 10, available: 8, held: 1, sold: 1 },
  lock: { ...HELD, state: "released" },
  movement: "release",
};
const SELL: Change = {
  counters: { received: 10, available: 6, held: 1, sold: 3 },
  lock: { ...HELD, state: "sold" },
  movement: "commit",
};
const BURY: Change = { counters: COUNTERS, lock: TOMBSTONE, movement: null };

type Cell = [keyof typeof COMMANDS, keyof typeof VIEWS, ItemAnswer, Change | undefined];

const TABLE: Cell[] = [
  ["lock", "none", LOCKED, TAKE],
  ["lock", "held", LOCKED, UNTOUCHED],
  ["lock", "sold", LOCKED, UNTOUCHED],
  ["lock", "refused", { type: "refused", shortage: SHORTAGE }, UNTOUCHED],
  ["lock", "released", { type: "refused", shortage: null }, UNTOUCHED],
  ["lock", "tombstone", { type: "refused", shortage: null }, UNTOUCHED],
  [
    "lock",
    "forgotten",
    { type: "refused", shortage: { requested: 2, available: 6, reason: "expired" } },
    UNTOUCHED,
  ],
  ["lock", "held and older than the watermark", LOCKED, UNTOUCHED],
  ["release", "none", RELEASED, BURY],
  ["release", "held", RELEASED, GIVE_BACK],
  ["release", "sold", BREACH, UNTOUCHED],
  ["release", "refused", { type: "released", shortage: SHORTAGE }, UNTOUCHED],
  ["release", "released", RELEASED, UNTOUCHED],
  ["release", "tombstone", RELEASED, UNTOUCHED],
  ["release", "forgotten", RELEASED, UNTOUCHED],
  ["release", "held and older than the watermark", RELEASED, GIVE_BACK],
  ["commit", "none", BREACH, UNTOUCHED],
  ["commit", "held", COMMITTED, SELL],
  ["commit", "sold", COMMITTED, UNTOUCHED],
  ["commit", "refused", BREACH, UNTOUCHED],
  ["commit", "released", BREACH, UNTOUCHED],
  ["commit", "tombstone", BREACH, UNTOUCHED],
  ["commit", "forgotten", BREACH, UNTOUCHED],
  ["commit", "held and older than the watermark", COMMITTED, SELL],
];

describe("one command on one state of the order", () => {
  test("every command meets every state in the table", () => {
    const cells = new Set(TABLE.map(([command, state]) => `${command} ${state}`));
    expect(cells.size).toBe(Object.keys(COMMANDS).length * Object.keys(VIEWS).length);
  });

  test.each(TABLE)("%s of an order that is %s here", (command, state, answer, change) => {
    const before = structuredClone(view(VIEWS[state]));
    const given = structuredClone(before);

    const decision = decide(given, COMMANDS[command]);

    expect(decision.answer).toEqual(answer);
    expect(decision.change).toEqual(change);
    expect(given).toEqual(before);
  });
});
