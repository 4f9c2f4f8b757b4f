import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { RecoverPage } from "../../src/orders/recover/recover.ts";
import { beat, pass_ms, putBack, snapshot, type Snapshot } from "./support/restore.ts";
import { deliver, expectSettled, settleAll } from "./support/stock.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  reconciler,
  WAIT,
  type World,
  worldOf,
} from "./support/world.ts";

beforeEach(async () => {
  await reset();
  await migrate();
  vi.spyOn(console, "error").mockReturnValue(undefined);
  vi.spyOn(console, "warn").mockReturnValue(undefined);
});
afterEach(() => void vi.useRealTimers());

type Page = Omit<RecoverPage, "next"> & { applied: boolean; nextCursor: string | null };

/** Puts D1 back, and has the reconciler notice it. */
async function restore(before: Snapshot): Promise<void> {
  await beat();
  await putBack(before);
  await reconciler().poke();
  expect((await reconciler().health()).frozen?.reason).toBe("database_put_back");
}

/** All pages of one run; each answer is what an operator's script would see. */
async function recover(world: World, apply = true): Promise<Page> {
  pass_ms(31_000);
  const all: Page = { applied: apply, orders: [], unrecoverable: [], drafts: [], nextCursor: null };
  let cursor: string | null = null;
  do {
    const body: { apply: boolean; cursor: string | null } = { apply, cursor };
    const answer = await world.call("POST", "/v1/operations/recover", { as: OPERATOR, body });
    expect([answer.status, answer.body.code]).toEqual([200, undefined]);
    const page = answer.body as unknown as Page;
    all.orders.push(...page.orders);
    all.unrecoverable.push(...page.unrecoverable);
    all.drafts.push(...page.drafts);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

async function thaw(world: World): Promise<void> {
  const answer = await world.call("POST", "/v1/operations/thaw", { as: OPERATOR });
  expect([answer.status, answer.body.code]).toEqual([200, undefined]);
}

/** As the queue and the reconciler do it in time. */
async function settleEverything(world: World): Promise<void> {
  for (let passes = 0; passes < 4; passes++) {
    const { outcomes } = await deliver(world.sent.splice(0));
    await settleAll(outcomes);
    pass_ms(61_000);
    await reconciler().poke();
  }
}

const line = (sku: string, quantity = 1) => [{ sku, quantity }];

describe("recovery of a database that was put back", () => {
  test("gives everybody what they were told: pending, confirmed, paid and cancelled", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const cup = await world.stocked(9, { limitPerCustomer: 5 });
    const pot = await world.stocked(9, {
      price: { amount: 250, currency: "EUR" },
      limitPerCustomer: 100,
    });
    const customers = Array.from({ length: 6 }, newCustomer);
    const [a = "", b = "", c = "", d = "", e = "", f = ""] = customers;
    // Before: one of each that is unfinished in the restored database.
    const { body: paidLater } = await world.place(a, line(cup), WAIT);
    const { body: cancelledLater } = await world.place(b, line(cup, 2), WAIT);
    const { body: stays } = await world.place(c, line(pot), WAIT);
    await beat();
    const before = await snapshot();
    await world.pay(paidLater.id);
    await world.cancel(cancelledLater.id);
    // After: orders that it has never heard of.
    const lines = [...line(cup, 2), ...line(pot, 3)];
    const keyed = { ...WAIT, "Idempotency-Key": "k-confirmed" };
    const { body: confirmed } = await world.place(d, lines, keyed);
    const { body: paid } = await world.place(e, lines, { ...WAIT, "Idempotency-Key": "k-paid" });
    await world.pay(paid.id);
    const { body: cancelled } = await world.place(f, line(pot), WAIT);
    await world.cancel(cancelled.id);
    const { body: refused } = await world.place(f, line(pot, 99), WAIT);
    const { outcomes } = await deliver(world.sent.splice(0));
    await settleAll(outcomes);

    await restore(before);
    const told = await recover(world, false);
    expect(await env.DB.prepare("SELECT count(*) AS n FROM orders").first("n")).toBe(3);
    const done = await recover(world);
    expect(done.orders.map(({ orderId }) => orderId).toSorted()).toEqual(
      told.orders.map(({ orderId }) => orderId).toSorted(),
    );
    expect(done.unrecoverable).toEqual([]);
    const status = async (id: string) => (await orderNow(id)).status;
    expect(await status(paidLater.id)).toBe("paid");
    expect(await status(cancelledLater.id)).toBe("cancelled");
    expect(await status(stays.id)).toBe("confirmed");
    expect(await status(confirmed.id)).toBe("confirmed");
    expect(await status(paid.id)).toBe("paid");
    expect(await orderNow(cancelled.id)).toMatchObject({
      status: "cancelled",
      reason: "not_recorded",
    });
    expect(refused.code).toBe("out_of_stock");
    expect(await orderNow(refused.order?.id ?? "")).toMatchObject({
      status: "cancelled",
      reason: "out_of_stock",
    });
    const rebuilt = await orderNow(confirmed.id);
    expect(rebuilt).toMatchObject({
      customerId: d,
      total: { amount: 950, currency: "EUR" },
      lines: [
        { sku: cup, quantity: 2, price: { amount: 100, currency: "EUR" }, limitPerCustomer: 5 },
        { sku: pot, quantity: 3, price: { amount: 250, currency: "EUR" }, limitPerCustomer: 100 },
      ],
    });
    expect(rebuilt.revision).toBeGreaterThan(confirmed.revision);

    await thaw(world);
    for (const [key, customer, id] of [
      ["k-confirmed", d, confirmed.id],
      ["k-paid", e, paid.id],
    ] as const) {
      const again = await world.place(customer, lines, { "Idempotency-Key": key });
      expect([again.status, again.body.id]).toEqual([200, id]);
      expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    }
    await settleEverything(world);
    const ids = [paidLater, cancelledLater, stays, confirmed, paid, cancelled].map(({ id }) => id);
    for (const sku of [cup, pot]) await expectUnits(sku, ids);
  });
});

const expectUnits = (sku: string, ids: readonly string[]) => expectSettled(sku, ids);
