import { env } from "cloudflare:workers";
import { v7 } from "uuid";
import { expect } from "vitest";
import { confirmed, expired, moneyOf, paymentOf, pending, report, settleDown } from "./money.ts";
import { passAt } from "./reconcile.ts";
import { counters, expectSettled } from "./stock.ts";
import { newCustomer, OPERATOR, orderNow, type World } from "./world.ts";

/** The cells of docs/money.md: an order in a state, two events, and what comes of it. */

interface Case {
  world: World;
  /** Null: there is no such order. */
  id: string | null;
  sku: string;
  customer: string;
  /** The reference of the payment that has paid the order; null: none has. */
  own: string | null;
  /** Distinguishes the references of this case. */
  name: string;
}

const UNITS = 5;

const returnAll = async ({ world, id, sku }: Case): Promise<void> => {
  const body = { lines: [{ sku, quantity: 2 }], restock: true, reason: "matrix" };
  const headers = { "Idempotency-Key": v7() };
  await world.call("POST", `/v1/orders/${id ?? v7()}/returns`, { as: OPERATOR, body, headers });
};

const notify = async (
  { world, id, name }: Case,
  reference: string,
  amount = 200,
): Promise<void> => {
  const orderId = id ?? NOWHERE;
  await report(world, paymentOf(orderId, { reference: `${name} ${reference}`, amount }));
};
const NOWHERE = "019ab2f0-6c1e-7a53-9d42-3f8e5b7c1a90";

async function paid(world: World, name: string): Promise<Case> {
  const made: Case = { world, name, ...(await confirmed(world, UNITS)), own: "own" };
  await notify(made, "own");
  await settleDown(world);
  return made;
}

/** How an order comes into each state. */
export const STATES: Record<string, (world: World, name: string) => Promise<Case>> = {
  "no such order": async (world, name) => ({
    world,
    name,
    id: null,
    sku: await world.stocked(UNITS),
    customer: newCustomer(),
    own: null,
  }),
  pending: async (world, name) => ({ world, name, ...(await pending(world, UNITS)), own: null }),
  confirmed: async (world, name) => ({
    world,
    name,
    ...(await confirmed(world, UNITS)),
    own: null,
  }),
  "expired just now": async (world, name) => ({
    world,
    name,
    ...(await expired(world, UNITS)),
    own: null,
  }),
  "cancelled by its customer": async (world, name) => {
    const made = await confirmed(world, UNITS);
    await world.call("POST", `/v1/orders/${made.id}/cancel`, { as: made.customer });
    await settleDown(world);
    return { world, name, ...made, own: null };
  },
  paid,
  "marked as paid": async (world, name) => {
    const made = await confirmed(world, UNITS);
    await world.pay(made.id);
    await settleDown(world);
    return { world, name, ...made, own: null };
  },
  returned: async (world, name) => {
    const made = await paid(world, name);
    await returnAll(made);
    await settleDown(world);
    return made;
  },
};

/** What happens to it. `again`: its own payment once more, or the payment that came before. */
export const EVENTS: Record<string, (one: Case) => Promise<unknown>> = {
  payment: (one) => notify(one, "first"),
  "second reference": (one) => notify(one, "second"),
  "same reference again": (one) => notify(one, one.own ?? "first"),
  "wrong amount": (one) => notify(one, "wrong", 199),
  extend: ({ world, id }) =>
    world.call("POST", `/v1/orders/${id ?? NOWHERE}/extend`, {
      as: OPERATOR,
      body: { seconds: 60 },
    }),
  expiry: async ({ world, id }) => {
    const payBy_ms = id === null ? null : (await orderNow(id)).payBy_ms;
    await passAt(payBy_ms ?? Date.now() + 100, { vars: world.env });
  },
  return: returnAll,
  cancel: ({ world, id, customer }) =>
    world.call("POST", `/v1/orders/${id ?? NOWHERE}/cancel`, { as: customer }),
};

/** Runs two events on an order in a state. Resolves to what came of it, as text of the page. */
export async function cellOf(
  world: World,
  state: string,
  events: readonly [string, string],
): Promise<string> {
  const name = v7();
  const one = await STATES[state]!(world, name);
  for (const event of events) await EVENTS[event]!(one);
  // What waits for the item is decided, and what it owes is done.
  await settleDown(world);
  await settleDown(world);
  const ids = one.id === null ? [] : [one.id, ...(await successorsOf(one.id))];
  const orders = await expectSettled(one.sku, ids);
  const shown = orders.map(({ status, reason, returnedAt_ms, payBy_ms }) => {
    if (returnedAt_ms !== null) return "returned";
    return status === "cancelled"
      ? `cancelled (${reason})`
      : payBy_ms
        ? `${status}, unpaid`
        : status;
  });
  const { received, available, held, sold } = await counters(one.sku);
  expect(received).toBe(available + held + sold);
  const money = Object.entries(await moneyOf(one.id ?? NOWHERE)).flatMap(([reference, became]) =>
    reference.startsWith(name) ? [`${reference.slice(name.length + 1)}: ${became}`] : [],
  );
  expectMoneyAddsUp(money, shown.at(-1));
  return [
    shown.join(", then its successor ") || "no order",
    `held ${held}, sold ${sold}`,
    ...money,
  ].join("<br>");
}

async function successorsOf(id: string): Promise<string[]> {
  const { results } = await env.DB.prepare("SELECT id FROM orders WHERE successor_of = ?")
    .bind(id)
    .all<{ id: string }>();
  expect(results.length).toBeLessThanOrEqual(1);
  return results.map((row) => row.id);
}

/** Nothing waits once the order is settled, and at most one payment is applied, to a paid order. */
function expectMoneyAddsUp(money: readonly string[], status = "none"): void {
  const applied = money.filter((text) => text.endsWith("applied"));
  expect(applied.length).toBeLessThanOrEqual(1);
  if (applied.length > 0) expect(["paid", "returned"]).toContain(status);
  expect(money.filter((text) => text.endsWith("waiting"))).toEqual([]);
  expect(new Set(money.map((text) => text.split(":")[0])).size).toBe(money.length);
}
