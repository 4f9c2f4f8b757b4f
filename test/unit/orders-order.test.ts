import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { OrderEventSchema } from "../../src/contract/order-events.ts";
import {
  type Awaits,
  commandOf,
  dueAfter,
  historyView,
  isUnfinished,
  type Order,
  nextActionOf,
  payByFor,
  refusalReason,
  type Status,
  TRANSITIONS,
  type TransitionName,
  viewOf,
} from "../../src/orders/order/order.ts";
import { order as orderWith, POLICY } from "../support/order.ts";

const NOW = 1_800_000_000_000;
const cup = { sku: "CUP", name: "Cup", quantity: 2, price: { amount: 900, currency: "EUR" } };
const pot = { sku: "POT", name: "Pot", quantity: 1, price: { amount: 4_000, currency: "EUR" } };

const order = (parts: Partial<Order> = {}): Order =>
  orderWith({
    customerId: "customer",
    lines: [
      { ...cup, limitPerCustomer: null },
      { ...pot, limitPerCustomer: 3 },
    ],
    total: { amount: 5_800, currency: "EUR" },
    placedAt_ms: NOW,
    updatedAt_ms: NOW,
    ...parts,
  });

describe("the history as operators see it", () => {
  const ann = { kind: "customer", sub: "ann" } as const;
  const entry = { revision: 2, status: "confirmed", reason: null, at_ms: NOW } as const;
  it.each([
    [
      { ...entry, actor: null },
      { step: "confirmed", actor: { kind: "system", sub: null } },
    ],
    [
      { ...entry, actor: ann },
      { step: "confirmed", actor: ann },
    ],
    [entry, { step: "confirmed", actor: null }],
    [{ ...entry, revision: 1, status: "pending" as const }, { step: "placed" }],
    [
      { ...entry, step: "extended" as const },
      { step: "extended", status: "confirmed" },
    ],
  ])("%j", (stored, shown) => {
    expect(historyView(stored)).toMatchObject({ at: "2027-01-15T08:00:00.000Z", ...shown });
  });
});

describe("transitions", () => {
  const to: Record<TransitionName, Partial<Record<Status, Status>>> = {
    confirm: { pending: "confirmed" },
    refuse: { pending: "cancelled" },
    giveUp: { pending: "cancelled" },
    cancel: { pending: "cancelled", confirmed: "cancelled" },
    expire: { confirmed: "cancelled" },
    pay: { confirmed: "paid" },
  };
  const names = Object.keys(TRANSITIONS) as TransitionName[];
  const statuses: Status[] = ["pending", "confirmed", "paid", "cancelled"];
  const table = names.flatMap((name) =>
    statuses.map((status) => [name, status, to[name][status] ?? "nothing"] as const),
  );

  it.each(table)("invariant 4: %s of a %s order leads to %s", (name, status, expected) => {
    const { from, to: target } = TRANSITIONS[name];
    expect((from as readonly Status[]).includes(status) ? target : "nothing").toBe(expected);
  });

  it("knows no transition but these", () => {
    expect(names.toSorted()).toEqual(Object.keys(to).toSorted());
  });

  it.each<[TransitionName, string | null, Awaits | null]>([
    ["confirm", null, null],
    ["refuse", "out_of_stock", null],
    ["giveUp", "lock_timeout", "release"],
    ["cancel", "customer_request", "release"],
    ["expire", "payment_timeout", "release"],
    ["pay", null, "commit"],
  ])("%s gives the reason %s and awaits %s", (name, reason, awaits) => {
    expect(TRANSITIONS[name]).toMatchObject({ reason, awaits });
  });
});

describe("when an order is due after a transition", () => {
  const payBy = NOW + 600_000;
  it.each<[TransitionName, number | null, number | null]>([
    ["confirm", null, null],
    ["confirm", payBy, payBy],
    ["refuse", null, null],
    ["giveUp", null, NOW + 30_000],
    ["cancel", null, NOW + 30_000],
    ["expire", null, NOW + 30_000],
    ["pay", null, NOW + 30_000],
  ])("%s with payBy %s: %s", (name, payBy_ms, expected) => {
    expect(dueAfter(name, payBy_ms, NOW)).toBe(expected);
  });

  it("a payment window starts at the confirmation, and none means no payBy", () => {
    expect(payByFor({ ...POLICY, paymentWindow_ms: 60_000 }, NOW)).toBe(NOW + 60_000);
    expect(payByFor(POLICY, NOW)).toBeNull();
  });
});

describe("what a due order owes", () => {
  const late = NOW + 900_000;
  const table: [string, Partial<Order>, number, number, string][] = [
    ["pending, lock", { awaits: "lock" }, 900_000, late - 1, "command order.placed"],
    ["pending, lock, deadline reached", { awaits: "lock" }, 900_000, late, "transition giveUp"],
    ["pending, lock, no deadline", { awaits: "lock" }, 0, NOW + 1e12, "command order.placed"],
    [
      "cancelled, release, past the deadline",
      { status: "cancelled", awaits: "release" },
      900_000,
      late,
      "command order.cancelled",
    ],
    ["paid, commit", { status: "paid", awaits: "commit" }, 900_000, late, "command order.paid"],
    [
      "paid, commit, past payBy",
      { status: "paid", awaits: "commit", payBy_ms: NOW },
      900_000,
      late,
      "command order.paid",
    ],
    ["confirmed, no window", { status: "confirmed", awaits: null }, 900_000, late, "later null"],
    [
      "confirmed, before payBy",
      { status: "confirmed", awaits: null, payBy_ms: NOW + 10 },
      900_000,
      NOW + 9,
      `later ${NOW + 10}`,
    ],
    [
      "confirmed, at payBy",
      { status: "confirmed", awaits: null, payBy_ms: NOW + 10 },
      900_000,
      NOW + 10,
      "transition expire",
    ],
    ["paid, settled", { status: "paid", awaits: null, payBy_ms: NOW }, 900_000, late, "later null"],
    ["cancelled, settled", { status: "cancelled", awaits: null }, 900_000, late, "later null"],
  ];

  it.each(table)("%s", (_name, parts, lockDeadline_ms, now_ms, expected) => {
    const owes = nextActionOf(order(parts), { ...POLICY, lockDeadline_ms }, now_ms);
    const shown = {
      transition: owes.type === "transition" && owes.name,
      command: owes.type === "command" && owes.event.type,
      later: owes.type === "later" && owes.due_ms,
    }[owes.type];
    expect(`${owes.type} ${shown}`).toBe(expected);
  });
});

describe("the reason of a refusal", () => {
  const short = (reason: "out_of_stock" | "limit_exceeded" | "expired") => {
    return { sku: "CUP", requested: 2, available: 1, reason };
  };
  it.each([
    [[], "out_of_stock"],
    [[short("out_of_stock")], "out_of_stock"],
    [[short("limit_exceeded")], "limit_exceeded"],
    [[short("limit_exceeded"), short("out_of_stock")], "out_of_stock"],
    [[short("expired")], "lock_timeout"],
    [[short("expired"), short("limit_exceeded")], "limit_exceeded"],
  ])("%j is %s", (shortages, reason) => {
    expect(refusalReason(shortages)).toBe(reason);
  });
});

describe("the command to the stock", () => {
  it.each<[Awaits, string]>([
    ["lock", "order.placed"],
    ["release", "order.cancelled"],
    ["commit", "order.paid"],
  ])("for %s is %s, as the contract has it", (awaits, type) => {
    const event = commandOf(order(), awaits, NOW);
    expect(v.parse(OrderEventSchema, event)).toEqual(event);
    expect(event.type).toBe(type);
    expect(event.lines).toEqual([
      { sku: "CUP", quantity: 2 },
      { sku: "POT", quantity: 1, limitPerCustomer: 3 },
    ]);
  });

  it("has the same id each time, so that a copy is known as a copy", () => {
    const due = order();
    expect(commandOf(due, "lock", NOW + 5_000).id).toBe(commandOf(due, "lock", NOW).id);
    expect(commandOf(due, "release", NOW).id).not.toBe(commandOf(due, "lock", NOW).id);
  });
});

describe("the order as clients see it", () => {
  it("has exactly the members of the contract", () => {
    const { id } = order();
    expect(viewOf(order({ id, payBy_ms: NOW + 1_000, updatedAt_ms: NOW + 1 }))).toStrictEqual({
      id,
      status: "pending",
      reason: null,
      lines: [
        { sku: "CUP", name: "Cup", quantity: 2, price: { amount: 900, currency: "EUR" } },
        { sku: "POT", name: "Pot", quantity: 1, price: { amount: 4_000, currency: "EUR" } },
      ],
      total: { amount: 5_800, currency: "EUR" },
      amountDue: 5_800,
      customerId: "customer",
      revision: 1,
      placedAt: "2027-01-15T08:00:00.000Z",
      updatedAt: "2027-01-15T08:00:00.001Z",
      payBy: "2027-01-15T08:00:01.000Z",
    });
  });

  it("shows what was returned, metadata and its predecessor when there are any", () => {
    const { lines, ...view } = viewOf(
      order({
        status: "paid",
        amountDue: 6_300,
        metadata: { cart: "7" },
        successorOf: "before",
        returned: { CUP: 1 },
      }),
    );
    expect(view).toMatchObject({
      status: "paid",
      amountDue: 6_300,
      metadata: { cart: "7" },
      successorOf: "before",
    });
    expect(lines.map(({ returned }) => returned)).toEqual([1, undefined]);
  });

  it("is the same of an order that an object of the version before has read", () => {
    const later = [
      "amountDue",
      "metadata",
      "extensions",
      "successorOf",
      "returned",
      "returnedAt_ms",
    ];
    const all = Object.entries(order({ status: "confirmed", payBy_ms: NOW }));
    const before = Object.fromEntries(all.filter(([name]) => !later.includes(name)));
    expect(viewOf(before as never)).toEqual(viewOf(Object.fromEntries(all) as never));
  });

  it("is returned once every unit came back", () => {
    expect(viewOf(order({ status: "paid", returnedAt_ms: NOW })).status).toBe("returned");
  });

  it("shows shortages when there are some", () => {
    const shortages = [{ sku: "CUP", requested: 2, available: 1, reason: "out_of_stock" as const }];
    const view = viewOf(order({ status: "cancelled", reason: "out_of_stock", shortages }));
    expect(view).toMatchObject({ reason: "out_of_stock", shortages, payBy: null });
  });

  it.each<[Status, boolean]>([
    ["pending", true],
    ["confirmed", true],
    ["paid", false],
    ["cancelled", false],
  ])("%s is unfinished: %s", (status, expected) => {
    expect(isUnfinished({ status })).toBe(expected);
  });
});
