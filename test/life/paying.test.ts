import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { policyOf } from "../../src/orders/policy.ts";
import { transitionReturning } from "../../src/orders/settle/transitions.sql.ts";
import { dueAt, passAt, stockLane } from "./support/reconcile.ts";
import { counters, deliver, expectSettled, ledgerOf, settleAll } from "./support/stock.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  reconciler,
  WAIT,
  worldOf,
  type World,
} from "./support/world.ts";

beforeAll(migrate);

const WINDOW = { PAYMENT_WINDOW_SECONDS: "600" };
const YEAR_MS = 365 * 86_400_000;

async function confirmed(world: World, units = 5, details: Record<string, unknown> = {}) {
  const sku = await world.stocked(units, details);
  const { status, body } = await world.place(newCustomer(), [{ sku, quantity: 2 }], WAIT);
  expect(status).toBe(201);
  return { sku, id: body.id };
}

/** Delivers what was sent, both ways. */
async function exchange(world: World) {
  await vi.waitFor(() => expect(world.sent).not.toHaveLength(0));
  await settleAll((await deliver(world.sent.splice(0))).outcomes);
}

describe("paying", () => {
  test("turns the hold into a sale, acknowledged by the stock item", async () => {
    const world = await worldOf();
    const { sku, id } = await confirmed(world);
    const { status, body } = await world.pay(id);
    expect([status, body.status, body.revision]).toEqual([200, "paid", 3]);
    expect(await orderNow(id)).toMatchObject({ awaits: "commit", dueAt_ms: expect.any(Number) });
    expect(world.sent).toMatchObject([{ type: "order.paid", orderId: id }]);
    await exchange(world);
    const [order] = await expectSettled(sku, [id]);
    expect(order).toMatchObject({ status: "paid", revision: 3, dueAt_ms: null });
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "commit"]);
  });

  test("twice is the same: 200, the same revision, no second message", async () => {
    const world = await worldOf();
    const { sku, id } = await confirmed(world);
    const answers = await Promise.all([world.pay(id), world.pay(id), world.pay(id)]);
    for (const { status, body } of [...answers, await world.pay(id)]) {
      expect([status, body.status, body.revision]).toEqual([200, "paid", 3]);
    }
    expect(world.sent).toHaveLength(1);
    await exchange(world);
    expect((await world.pay(id)).body.revision).toBe(3);
    await expectSettled(sku, [id]);
  });

  test("is 409 not_payable for an order that is pending or cancelled", async () => {
    const world = await worldOf();
    const { sku, id } = await confirmed(world);
    const { body: pending } = await world.place(newCustomer(), [{ sku, quantity: 1 }]);
    await world.cancel(id);
    for (const [order, status, revision] of [
      [pending.id, "pending", 1],
      [id, "cancelled", 3],
    ] as const) {
      const answer = await world.pay(order);
      expect([answer.status, answer.body.code]).toEqual([409, "not_payable"]);
      expect(answer.body.order).toMatchObject({ status, revision });
    }
    await exchange(world);
    expect(await counters(sku)).toMatchObject({ sold: 0 });
  });
});

describe("cancelling", () => {
  test("gives a confirmed order's stock back, and twice is the same", async () => {
    const world = await worldOf();
    const { sku, id } = await confirmed(world);
    const answers = await Promise.all([world.cancel(id), world.cancel(id)]);
    for (const { status, body } of answers) {
      expect([status, body.reason, body.revision]).toEqual([200, "customer_request", 3]);
    }
    expect(world.sent).toMatchObject([{ type: "order.cancelled", orderId: id }]);
    await exchange(world);
    await expectSettled(sku, [id]);
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "release"]);
  });

  test("invariant 6: of a pending order, the lock that comes after the release takes nothing", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const { body } = await world.place(newCustomer(), [{ sku, quantity: 2 }]);
    expect((await world.cancel(body.id)).body).toMatchObject({ status: "cancelled", revision: 2 });
    await vi.waitFor(() => expect(world.sent).toHaveLength(2));
    const events = world.sent.toSorted((a, b) => a.type.localeCompare(b.type));
    expect(events.map(({ type }) => type)).toEqual(["order.cancelled", "order.placed"]);
    for (const event of [...events, ...events]) {
      await settleAll((await deliver([event])).outcomes);
    }
    const [order] = await expectSettled(sku, [body.id]);
    expect(order).toMatchObject({ reason: "customer_request", revision: 2 });
    expect(await ledgerOf(sku)).toEqual(["receive"]);
  });

  test("is 409 not_cancellable once paid, and 200 for an order that was cancelled otherwise", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const { sku, id } = await confirmed(world);
    await world.pay(id);
    const late = await world.cancel(id);
    expect([late.status, late.body.code]).toEqual([409, "not_cancellable"]);
    expect(late.body.order).toMatchObject({ status: "paid", revision: 3 });
    const refused = await world.place(newCustomer(), [{ sku, quantity: 99 }], WAIT);
    const again = await world.cancel(refused.body.order?.id ?? "");
    expect([again.status, again.body.reason, again.body.revision]).toEqual([
      200,
      "out_of_stock",
      2,
    ]);
    expect(world.sent.map(({ type }) => type)).toEqual(["order.paid"]);
  });
});

describe("the payment window", () => {
  test("cancels an unpaid order at payBy, not before, and gives its stock back in the same pass", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await confirmed(world);
    const { payBy_ms, updatedAt_ms, dueAt_ms } = await orderNow(id);
    expect(payBy_ms).toBe(updatedAt_ms + 600_000);
    expect(dueAt_ms).toBe(payBy_ms);
    await passAt(Number(payBy_ms) - 1, { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", dueAt_ms: payBy_ms });
    await passAt(Number(payBy_ms), { vars: WINDOW });
    const [order] = await expectSettled(sku, [id]);
    expect(order).toMatchObject({ status: "cancelled", reason: "payment_timeout", revision: 3 });
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "release"]);
  });

  test("allows paying after payBy until the expiry has committed", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await confirmed(world);
    // Past payBy, and nobody has looked yet.
    await env.DB.prepare("UPDATE orders SET pay_by = ?, due_at = ? WHERE id = ?")
      .bind(Date.now() - 5_000, Date.now() + YEAR_MS, id)
      .run();
    expect((await world.pay(id)).status).toBe(200);
    await passAt(Date.now() + 2 * YEAR_MS);
    const [order] = await expectSettled(sku, [id]);
    expect(order).toMatchObject({ status: "paid", revision: 3 });
  });

  test("after the expiry: paying is 409 not_payable, cancelling is 200 with the order as it is", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await confirmed(world);
    await passAt(await dueAt(id));
    const paid = await world.pay(id);
    expect([paid.status, paid.body.code]).toEqual([409, "not_payable"]);
    const cancelled = await world.cancel(id);
    expect([cancelled.status, cancelled.body.reason]).toEqual([200, "payment_timeout"]);
    await expectSettled(sku, [id]);
  });

  test("is judged by D1 itself: an expiry that comes too soon moves nothing, and counts nothing", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world);
    const { payBy_ms } = await orderNow(id);
    const now_ms = Number(payBy_ms) - 1;
    const [counted, moved] = await env.DB.batch(
      transitionReturning(env.DB, "expire", [{ id }], { policy: policyOf(env), now_ms }),
    );
    expect([counted?.meta.changes, moved?.results]).toEqual([0, []]);
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", revision: 2 });
  });

  test("of 0 s: a confirmed order never expires, and is looked at no more", async () => {
    const vars = { PAYMENT_WINDOW_SECONDS: "0" };
    const world = await worldOf({ vars });
    const { id } = await confirmed(world);
    expect(await orderNow(id)).toMatchObject({ payBy_ms: null, dueAt_ms: null });
    await passAt(Date.now() + YEAR_MS, { vars });
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", revision: 2 });
  });
});

describe("what the stock item has to do", () => {
  test.each([
    ["commit", "order.paid", ["receive", "lock", "commit"]],
    ["release", "order.cancelled", ["receive", "lock", "release"]],
  ] as const)(
    "a %s is asked for again and again until it is acknowledged",
    async (awaits, type, ledger) => {
      const world = await worldOf();
      const { sku, id } = await confirmed(world);
      await (awaits === "commit" ? world.pay(id) : world.cancel(id));
      world.sent.splice(0); // the message is lost
      const lane = stockLane({ isAway: true });
      const waits: number[] = [];
      for (let pass = 1; pass <= 6; pass++) {
        const now_ms = await dueAt(id);
        await passAt(now_ms - 1, lane);
        await passAt(now_ms, lane);
        expect(lane.askedOf(id)).toHaveLength(pass);
        expect(await orderNow(id)).toMatchObject({ awaits, attempts: pass, revision: 3 });
        waits.push((await dueAt(id)) - now_ms);
      }
      expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
      lane.isAway = false;
      await passAt(await dueAt(id), lane);
      expect(new Set(lane.askedOf(id))).toEqual(new Set([type]));
      const [order] = await expectSettled(sku, [id]);
      expect(order).toMatchObject({ dueAt_ms: null, attempts: 0, revision: 3 });
      expect(await ledgerOf(sku)).toEqual(ledger);
      await passAt(Date.now() + YEAR_MS, lane);
      expect(lane.askedOf(id)).toHaveLength(7);
    },
  );

  test("an acknowledgement of another command clears nothing", async () => {
    const world = await worldOf();
    const { id } = await confirmed(world);
    await world.pay(id);
    const at = new Date().toISOString();
    const head = { version: 1, at, orderId: id } as const;
    await settleAll([{ type: "stock.released", id: "a", ...head }]);
    await settleAll([{ type: "stock.locked", id: "b", ...head }]);
    expect(await orderNow(id)).toMatchObject({ status: "paid", awaits: "commit", revision: 3 });
    await settleAll([{ type: "stock.committed", id: "c", ...head }]);
    expect(await orderNow(id)).toMatchObject({ awaits: null, dueAt_ms: null, revision: 3 });
  });
});

describe("an order with a total of 0", () => {
  const FREE = { price: { amount: 0, currency: "EUR" } };

  test("has no window and never expires, and may be paid all the same", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await confirmed(world, 5, FREE);
    expect(await orderNow(id)).toMatchObject({
      status: "confirmed",
      payBy_ms: null,
      dueAt_ms: null,
    });
    await passAt(Date.now() + YEAR_MS, { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ status: "confirmed" });
    expect((await world.pay(id)).body.status).toBe("paid");
    await exchange(world);
    await expectSettled(sku, [id]);
  });

  test("that an earlier version gave a window does not expire either", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world, 5, FREE);
    await env.DB.prepare("UPDATE orders SET pay_by = 1, due_at = 1 WHERE id = ?").bind(id).run();
    await passAt(Date.now(), { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", dueAt_ms: null });
    const { body } = await world.call("GET", `/v1/orders/${id}`, { as: OPERATOR });
    expect(body.payBy).toBeNull();
  });
});

describe("a payment window that is turned on later", () => {
  const OFF = { PAYMENT_WINDOW_SECONDS: "0" };

  /** The cron's minute, with these vars. */
  async function minute(vars: Partial<OrdersEnv>): Promise<void> {
    await worldOf({ vars });
    await reconciler().poke();
  }

  test("is given to orders that were confirmed without one, from now on, as a revision", async () => {
    const world = await worldOf({ vars: OFF });
    const { sku, id } = await confirmed(world);
    const free = await confirmed(world, 5, { price: { amount: 0, currency: "EUR" } });
    await minute(OFF);
    expect(await orderNow(id)).toMatchObject({ payBy_ms: null, dueAt_ms: null, revision: 2 });
    const from_ms = Date.now();
    await minute(WINDOW);
    const order = await orderNow(id);
    expect(order.payBy_ms).toBeGreaterThanOrEqual(from_ms + 600_000);
    expect(order).toMatchObject({ status: "confirmed", revision: 3, dueAt_ms: order.payBy_ms });
    expect(order.history.map(({ revision }) => revision)).toEqual([1, 2, 3]);
    expect(await orderNow(free.id)).toMatchObject({ payBy_ms: null, revision: 2 });
    await minute(WINDOW);
    expect(await orderNow(id)).toMatchObject({ revision: 3, payBy_ms: order.payBy_ms });
    await passAt(order.payBy_ms!, { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ reason: "payment_timeout", awaits: null });
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "release"]);
  });

  test("is given again when it was off in between", async () => {
    await minute(WINDOW);
    const { id } = await confirmed(await worldOf({ vars: OFF }));
    // A walk over all orders is done once a day, unless the window was off.
    await minute(WINDOW);
    expect((await orderNow(id)).payBy_ms).toBeNull();
    await minute(OFF);
    await minute(WINDOW);
    expect((await orderNow(id)).payBy_ms).not.toBeNull();
  });
});
