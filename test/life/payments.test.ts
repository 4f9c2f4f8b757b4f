import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import {
  confirmed,
  DUE,
  expired,
  moneyOf,
  paymentOf,
  pending,
  report,
  settleDown,
  WINDOW,
} from "./support/money.ts";
import { dueAt, passAt, stockLane } from "./support/reconcile.ts";
import { counters, expectSettled } from "./support/stock.ts";
import { migrate, newCustomer, OPERATOR, orderNow, worldOf } from "./support/world.ts";

beforeAll(migrate);

describe("a payment is judged in the transaction that records it", () => {
  test("of a confirmed order: it is applied, and the order is paid", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await confirmed(world);
    const payment = paymentOf(id);
    const { receivedAt, ...shown } = (await report(world, payment)).payment;
    expect(shown).toEqual({ ...payment, state: "applied" });
    expect(Date.parse(receivedAt)).toBeGreaterThan(Date.now() - 60_000);
    const order = await orderNow(id);
    expect(order).toMatchObject({ status: "paid", revision: 3, awaits: "commit", payBy_ms: null });
    expect(order.history.at(-1)?.actor).toEqual({ kind: "service", sub: OPERATOR });
    expect(world.sent.map(({ type }) => type)).toEqual(["order.paid"]);
    await settleDown(world);
    await expectSettled(sku, [id]);
  });

  test.each([
    ["another amount", { amount: 199 }],
    ["more than is due", { amount: 201 }],
    ["another currency", { currency: "USD" }],
    ["a currency that there is not", { currency: "ZZZ" }],
  ])("of %s: it is unmatched, and the order goes on", async (_, parts) => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world);
    const { status, payment } = await report(world, paymentOf(id, parts));
    expect([status, payment.state, payment.why]).toEqual([201, "unmatched", "amount"]);
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", revision: 2 });
    expect((await report(world, paymentOf(id))).payment.state).toBe("applied");
  });

  test.each(["019ab2f0-6c1e-7a53-9d42-3f8e5b7c1a90", "order 7 of the old shop"])(
    "of an order that there is not (%s): it is unmatched",
    async (orderId) => {
      const world = await worldOf();
      const { status, payment } = await report(world, paymentOf(orderId));
      expect([status, payment.state, payment.why]).toEqual([201, "unmatched", "unknown_order"]);
    },
  );

  test("an order's id in capitals is that order", async () => {
    const world = await worldOf();
    const { id } = await confirmed(world);
    expect((await report(world, paymentOf(id.toUpperCase()))).payment).toMatchObject({
      orderId: id,
      state: "applied",
    });
  });

  test("of the amount due, which is not the total", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const body = { lines: [{ sku, quantity: 2 }], customerId: newCustomer(), amountDue: 695 };
    const { id } = (
      await world.call("POST", "/v1/orders", { as: OPERATOR, body, headers: { Prefer: "wait=5" } })
    ).body;
    expect((await report(world, paymentOf(id))).payment.why).toBe("amount");
    expect((await report(world, paymentOf(id, { amount: 695 }))).payment.state).toBe("applied");
  });

  test("the same again is the same payment: 200, and nothing is applied twice", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world);
    const payment = paymentOf(id);
    const first = await report(world, payment);
    const again = await report(world, payment);
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.payment).toEqual(first.payment);
    expect(await orderNow(id)).toMatchObject({ status: "paid", revision: 3 });
    expect(world.sent.filter(({ type }) => type === "order.paid")).toHaveLength(1);
  });

  test("another body with its reference is refused, shows the first one and changes nothing", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world);
    const other = await confirmed(world);
    const payment = paymentOf(id, { amount: 1 });
    await report(world, payment);
    for (const parts of [DUE, { currency: "USD" }, { orderId: other.id }]) {
      const body = { ...payment, ...parts };
      const answer = await world.call("POST", "/v1/payments", { as: OPERATOR, body });
      expect([answer.status, answer.body.code]).toEqual([422, "idempotency_key_reused"]);
      expect(answer.body["payment"]).toMatchObject(payment);
    }
    expect(await moneyOf(id)).toEqual({ [payment.reference]: "unmatched amount" });
    expect(await orderNow(other.id)).toMatchObject({ status: "confirmed" });
  });

  test("a second one of a paid order is unmatched", async () => {
    const world = await worldOf();
    const { id } = await confirmed(world);
    await report(world, paymentOf(id));
    const { payment } = await report(world, paymentOf(id));
    expect([payment.state, payment.why]).toEqual(["unmatched", "already_paid"]);
  });

  test("the first one of an order that was marked as paid becomes its own, the second does not", async () => {
    const world = await worldOf();
    const { id } = await confirmed(world);
    await world.pay(id);
    const { revision } = await orderNow(id);
    expect((await report(world, paymentOf(id, { amount: 1 }))).payment.why).toBe("amount");
    expect((await report(world, paymentOf(id))).payment.state).toBe("applied");
    expect((await report(world, paymentOf(id))).payment.why).toBe("already_paid");
    expect((await orderNow(id)).revision).toBe(revision);
  });

  test("of an order that a customer cancelled: it is unmatched", async () => {
    const world = await worldOf();
    const { id } = await confirmed(world);
    await world.cancel(id);
    const { payment } = await report(world, paymentOf(id));
    expect([payment.state, payment.why]).toEqual(["unmatched", "ended"]);
  });
});

describe("a payment waits for an order that is pending", () => {
  test("and pays it in the batch that confirms it; its commit is due at once", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await pending(world);
    const [first, second] = [paymentOf(id), paymentOf(id)];
    expect((await report(world, first)).payment.state).toBe("waiting");
    expect((await report(world, second)).payment.state).toBe("waiting");
    expect((await report(world, paymentOf(id, { amount: 7 }))).payment.why).toBe("amount");
    await settleDown(world);
    const order = await orderNow(id);
    expect(order).toMatchObject({ status: "paid", revision: 3, awaits: null });
    expect(order.history.map(({ status }) => status)).toEqual(["pending", "confirmed", "paid"]);
    expect(await moneyOf(id)).toMatchObject({
      [first.reference]: "applied",
      [second.reference]: "unmatched already_paid",
    });
    await expectSettled(sku, [id]);
    expect(await counters(sku)).toMatchObject({ held: 0, sold: 2 });
  });

  test("and pays it when the lane confirms it", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await pending(world);
    await report(world, paymentOf(id));
    await passAt(Date.now() + 30_000, { vars: world.env });
    expect((await orderNow(id)).status).toBe("paid");
  });

  test("and has to be refunded when stock refuses it", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const { id } = await pending(world, 1);
    const payment = paymentOf(id);
    await report(world, payment);
    await settleDown(world);
    expect((await orderNow(id)).reason).toBe("out_of_stock");
    expect(await moneyOf(id)).toEqual({ [payment.reference]: "unmatched ended" });
  });

  test("and has to be refunded when it is cancelled", async () => {
    const world = await worldOf();
    const { id } = await pending(world);
    const payment = paymentOf(id);
    await report(world, payment);
    await world.cancel(id);
    expect(await moneyOf(id)).toEqual({ [payment.reference]: "unmatched ended" });
  });

  test("and has to be refunded when the stock Worker never answers", async () => {
    const vars = { LOCK_DEADLINE_SECONDS: "60" };
    const world = await worldOf({ vars });
    const { id } = await pending(world);
    const payment = paymentOf(id);
    await report(world, payment);
    await passAt(Date.now() + 60_000, { vars });
    expect((await orderNow(id)).reason).toBe("lock_timeout");
    expect(await moneyOf(id)).toEqual({ [payment.reference]: "unmatched ended" });
  });

  test("an older version that confirmed, cancelled or paid it: housekeeping judges its payments", async () => {
    const world = await worldOf();
    const made = {
      confirmed: await pending(world),
      cancelled: await pending(world),
      paid: await pending(world),
    };
    for (const [status, { id }] of Object.entries(made)) {
      await report(world, paymentOf(id));
      const reason = status === "cancelled" ? "customer_request" : null;
      await env.DB.prepare(
        "UPDATE orders SET status = ?2, reason = ?3, awaits = NULL WHERE id = ?1",
      )
        .bind(id, status, reason)
        .run();
    }
    await env.RECONCILER.getByName("reconciler").poke();
    const states = await Promise.all(
      Object.values(made).map(async ({ id }) => Object.values(await moneyOf(id))),
    );
    expect(states).toEqual([["applied"], ["unmatched ended"], ["applied"]]);
    expect(await orderNow(made.confirmed.id)).toMatchObject({ status: "paid" });
  });
});

describe("late money", () => {
  test("places the order again, which it then pays", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id, customer } = await expired(world);
    const payment = paymentOf(id);
    const { status, payment: shown } = await report(world, payment);
    expect([status, shown.state]).toEqual([201, "waiting"]);
    const successor = await orderNow(String(shown.successorId));
    const old = await orderNow(id);
    expect(successor).toMatchObject({
      customerId: customer,
      status: "pending",
      successorOf: id,
      lines: old.lines,
      total: old.total,
      awaits: "lock",
    });
    await settleDown(world);
    expect(await orderNow(successor.id)).toMatchObject({ status: "paid", awaits: null });
    expect((await report(world, payment)).payment).toMatchObject({
      state: "applied",
      successorId: successor.id,
    });
    await expectSettled(sku, [id, successor.id]);
    expect(await counters(sku)).toMatchObject({ sold: 2, held: 0 });
  });

  test("takes the payment windows of its items as they are by then", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await expired(world);
    const body = { paymentWindowSeconds: 120 };
    await world.call("PATCH", `/v1/items/${sku}`, { as: OPERATOR, body });
    const { payment } = await report(world, paymentOf(id));
    const windows = await env.DB.prepare(
      "SELECT payment_window_ms FROM orders WHERE id IN (?, ?) ORDER BY id",
    )
      .bind(id, payment.successorId)
      .raw();
    expect(windows).toEqual([[null], [120_000]]);
    await settleDown(world);
    expect(await orderNow(String(payment.successorId))).toMatchObject({ status: "paid" });
  });

  test("has to be refunded if the units are gone", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { sku, id } = await expired(world, 2);
    await world.place(newCustomer(), [{ sku, quantity: 1 }], { Prefer: "wait=5" });
    const payment = paymentOf(id);
    await report(world, payment);
    await settleDown(world);
    expect(await moneyOf(id)).toEqual({ [payment.reference]: "unmatched ended" });
  });

  test.each(["announced", "found by the reconciler"])(
    "gets the units that the expired order still holds: its successor is %s",
    async (way) => {
      const world = await worldOf({ vars: WINDOW });
      const { sku, id } = await confirmed(world, 2);
      const { stock } = stockLane({ isAway: true });
      await passAt(Number((await orderNow(id)).payBy_ms), { vars: WINDOW, stock });
      expect(await orderNow(id)).toMatchObject({ reason: "payment_timeout", awaits: "release" });
      const payment = paymentOf(id);
      const successorId = String((await report(world, payment)).payment.successorId);
      const due_ms = await dueAt(successorId);
      expect(await dueAt(id)).toBeGreaterThan(due_ms);
      await (way === "announced" ? settleDown(world) : passAt(due_ms));
      expect(await moneyOf(id)).toEqual({ [payment.reference]: "applied" });
      // Later than all that is left is due: the pass in which it expired was ten minutes ahead.
      await passAt(Date.now() + 900_000);
      await expectSettled(sku, [id, successorId]);
      expect(await counters(sku)).toMatchObject({ available: 0, sold: 2, held: 0 });
    },
  );

  test("places at most one successor, by which a second payment is judged", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await expired(world);
    const [first, second, third] = [paymentOf(id), paymentOf(id), paymentOf(id)];
    const { successorId } = (await report(world, first)).payment;
    expect((await report(world, second)).payment).toMatchObject({ state: "waiting", successorId });
    await settleDown(world);
    await report(world, third);
    expect(await moneyOf(id)).toEqual({
      [first.reference]: "applied",
      [second.reference]: "unmatched already_paid",
      [third.reference]: "unmatched already_paid",
    });
  });

  test.each<
    [
      string,
      (
        world: Awaited<ReturnType<typeof worldOf>>,
        made: { sku: string; customer: string },
      ) => Promise<unknown>,
    ]
  >([
    [
      "the customer has ordered the item again",
      (world, { sku, customer }) => world.place(customer, [{ sku, quantity: 1 }]),
    ],
    [
      "a price has changed",
      (world, { sku }) =>
        world.call("PUT", `/v1/items/${sku}`, {
          as: OPERATOR,
          body: { name: sku, price: { amount: 101, currency: "EUR" } },
        }),
    ],
    [
      "an item is a draft",
      (_, { sku }) =>
        env.DB.prepare("UPDATE items SET status = 'draft' WHERE sku = ?").bind(sku).run(),
    ],
    [
      "an item is archived",
      (_, { sku }) =>
        env.DB.prepare("UPDATE items SET archived_at = 1 WHERE sku = ?").bind(sku).run(),
    ],
  ])("places nothing if %s", async (_, change) => {
    const world = await worldOf({ vars: WINDOW });
    const made = await expired(world);
    await change(world, made);
    const { payment } = await report(world, paymentOf(made.id));
    expect([payment.state, payment.why, payment.successorId]).toEqual([
      "unmatched",
      "ended",
      undefined,
    ]);
  });

  test("still does if the customer has ordered something else", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id, customer } = await expired(world);
    await world.place(customer, [{ sku: await world.stocked(1), quantity: 1 }]);
    expect((await report(world, paymentOf(id))).payment.state).toBe("waiting");
  });

  test("of a wrong amount places nothing", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await expired(world);
    expect((await report(world, paymentOf(id, { amount: 1 }))).payment.why).toBe("amount");
  });

  test("places nothing with LATE_PAYMENT=refund", async () => {
    const world = await worldOf({ vars: { ...WINDOW, LATE_PAYMENT: "refund" } });
    const { id } = await expired(world);
    const { payment } = await report(world, paymentOf(id));
    expect([payment.state, payment.why]).toEqual(["unmatched", "ended"]);
  });
});
