import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { policyOf } from "../../src/orders/config/policy.ts";
import { transition } from "../../src/orders/order/orders.sql.ts";
import { scanPaymentWindows } from "../../src/orders/reconcile/payment-windows.ts";
import { eventually } from "../support/eventually.ts";
import { confirmed, exchange } from "./support/confirmed.ts";
import { dueAt, passAt } from "./support/reconcile.ts";
import { deliver, expectSettled, ledgerOf, settleAll } from "./support/stock.ts";
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

beforeAll(migrate);

const WINDOW = { PAYMENT_WINDOW_SECONDS: "600" };
const OFF = { PAYMENT_WINDOW_SECONDS: "0" };
const YEAR_MS = 365 * 86_400_000;

/** The cron's minute, with these vars. */
async function minute(vars: Partial<OrdersEnv>): Promise<void> {
  await worldOf({ vars });
  await reconciler().poke();
}

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
      transition(
        env.DB,
        "expire",
        [{ id }],
        { policy: policyOf(env), now_ms },
        { returning: "RETURNING *" },
      ),
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

describe("an item's own payment window", () => {
  /** How long a new order of one unit of each of these items waits for its payment, in seconds. */
  async function waitOf(world: World, skus: readonly string[]): Promise<number | null> {
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const { id } = (await world.place(newCustomer(), lines, WAIT)).body;
    const { status, payBy_ms, dueAt_ms, updatedAt_ms } = await orderNow(id);
    expect([status, dueAt_ms]).toEqual(["confirmed", payBy_ms]);
    return payBy_ms === null ? null : (payBy_ms - updatedAt_ms) / 1_000;
  }
  const change = (world: World, sku: string, paymentWindowSeconds: number | null) =>
    world.call("PATCH", `/v1/items/${sku}`, { as: OPERATOR, body: { paymentWindowSeconds } });
  const own = (paymentWindowSeconds: number) => ({ paymentWindowSeconds });

  test.each<[string, Partial<OrdersEnv>, (number | null)[], number | null]>([
    ["shorter than the deployment's", WINDOW, [90], 90],
    ["longer", WINDOW, [1_200], 1_200],
    ["0: it never expires", WINDOW, [0], null],
    ["where the deployment has none", OFF, [90], 90],
    ["of several items: the least", WINDOW, [300, 90, 1_200], 90],
    ["and another item without: the deployment's if that is less", WINDOW, [1_200, null], 600],
    ["and another item without: its own if that is less", WINDOW, [90, null], 90],
    ["of 0, and another item without: the deployment's", WINDOW, [0, null], 600],
    ["and one of 0: its own", WINDOW, [0, 1_200], 1_200],
    ["of 0 for all items", WINDOW, [0, 0], null],
    ["and another item without, where the deployment has none", OFF, [90, null], 90],
    ["of 0, and another item without, where the deployment has none", OFF, [0, null], null],
  ])("%s", async (_, vars, windows, expected) => {
    const world = await worldOf({ vars });
    const skus = [];
    for (const window of windows)
      skus.push(await world.stocked(1, window === null ? {} : own(window)));
    expect(await waitOf(world, skus)).toBe(expected);
  });

  test("ends at its own time, not before, and not with the deployment's", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await confirmed(world, 5, own(1_200));
    const { payBy_ms } = await orderNow(id);
    await passAt(Number(payBy_ms) - 1, { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ status: "confirmed" });
    await passAt(Number(payBy_ms), { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ reason: "payment_timeout" });
    await expectSettled(sku, [id]);
  });

  test("counts as it was when the order was placed; a change is for later orders", async () => {
    const world = await worldOf({ vars: WINDOW });
    const sku = await world.stocked(5, own(90));
    const { id } = (await world.place(newCustomer(), [{ sku, quantity: 1 }])).body;
    expect(await orderNow(id)).toMatchObject({ status: "pending", payBy_ms: null });
    await change(world, sku, 1_200);
    await exchange(world);
    const { payBy_ms, updatedAt_ms } = await orderNow(id);
    expect(payBy_ms).toBe(updatedAt_ms + 90_000);
    expect(await waitOf(world, [sku])).toBe(1_200);
    await change(world, sku, null);
    expect(await waitOf(world, [sku])).toBe(600);
  });

  test("of other items is not written to an order: the deployment's counts at the confirmation", async () => {
    const world = await worldOf({ vars: OFF });
    const sku = await world.stocked(5);
    await world.place(newCustomer(), [{ sku, quantity: 1 }], WAIT);
    const { id } = (await world.place(newCustomer(), [{ sku, quantity: 1 }])).body;
    Object.assign(world.env, WINDOW);
    await eventually(() => expect(world.sent).not.toHaveLength(0));
    await settleAll((await deliver(world.sent.splice(0))).outcomes, world.env);
    const { payBy_ms, updatedAt_ms } = await orderNow(id);
    expect(payBy_ms).toBe(updatedAt_ms + 600_000);
  });

  test("is kept when the deployment's is turned off, and no order of 0 gets one that is turned on", async () => {
    const world = await worldOf({ vars: WINDOW });
    const bounded = await confirmed(world, 5, own(90));
    const endless = await confirmed(world, 5, own(0));
    const before = await orderNow(bounded.id);
    await minute(OFF);
    await minute(WINDOW);
    expect(await orderNow(bounded.id)).toEqual(before);
    expect(await orderNow(endless.id)).toMatchObject({ payBy_ms: null, revision: 2 });
    await passAt(Number(before.payBy_ms), { vars: OFF });
    expect(await orderNow(bounded.id)).toMatchObject({ reason: "payment_timeout" });
    await passAt(Date.now() + YEAR_MS, { vars: WINDOW });
    expect(await orderNow(endless.id)).toMatchObject({ status: "confirmed" });
  });

  test("is what the order gets that an earlier version confirmed without one", async () => {
    const world = await worldOf({ vars: OFF });
    const { id } = await confirmed(world, 5, own(90));
    await env.DB.prepare("UPDATE orders SET pay_by = NULL, due_at = NULL WHERE id = ?")
      .bind(id)
      .run();
    await minute(OFF);
    await minute(WINDOW);
    const { payBy_ms, updatedAt_ms, dueAt_ms, revision } = await orderNow(id);
    expect([payBy_ms, dueAt_ms, revision]).toEqual([
      updatedAt_ms + 90_000,
      updatedAt_ms + 90_000,
      3,
    ]);
  });

  test("is found again after a clock that ran ahead has looked for orders without one", async () => {
    const world = await worldOf({ vars: OFF });
    const { id } = await confirmed(world);
    const policy = policyOf({ ...world.env, ...WINDOW });
    const now_ms = Date.now();
    const waiting = { after: "", from_ms: now_ms + 86_400_000 };
    expect(await scanPaymentWindows(env.DB, policy, waiting, now_ms)).toEqual(waiting);
    await scanPaymentWindows(env.DB, policy, { after: "", from_ms: now_ms + YEAR_MS }, now_ms);
    expect((await orderNow(id)).payBy_ms).toBe(now_ms + 600_000);
  });

  test("can be extended; one of 0 has nothing to extend", async () => {
    const world = await worldOf({ vars: OFF });
    const extend = (id: string) =>
      world.call("POST", `/v1/orders/${id}/extend`, { as: OPERATOR, body: { seconds: 60 } });
    const bounded = await confirmed(world, 5, own(90));
    const { payBy_ms } = await orderNow(bounded.id);
    expect((await extend(bounded.id)).status).toBe(200);
    expect((await orderNow(bounded.id)).payBy_ms).toBe(Number(payBy_ms) + 60_000);
    const endless = await confirmed(world, 5, own(0));
    expect((await extend(endless.id)).status).toBe(409);
  });

  test("is none for an order with a total of 0", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world, 5, { ...own(90), price: { amount: 0, currency: "EUR" } });
    expect(await orderNow(id)).toMatchObject({ payBy_ms: null, dueAt_ms: null });
    await passAt(Date.now() + YEAR_MS, { vars: WINDOW });
    expect(await orderNow(id)).toMatchObject({ status: "confirmed" });
  });
});
