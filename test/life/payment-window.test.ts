import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { policyOf } from "../../src/orders/config/policy.ts";
import { transition } from "../../src/orders/order/orders.sql.ts";
import { confirmed, exchange } from "./support/confirmed.ts";
import { dueAt, passAt } from "./support/reconcile.ts";
import { expectSettled, ledgerOf } from "./support/stock.ts";
import { migrate, OPERATOR, orderNow, reconciler, worldOf } from "./support/world.ts";

beforeAll(migrate);

const WINDOW = { PAYMENT_WINDOW_SECONDS: "600" };
const YEAR_MS = 365 * 86_400_000;

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
