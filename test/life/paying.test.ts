import { beforeAll, describe, expect, test } from "vitest";
import { eventually } from "../support/eventually.ts";
import { confirmed, exchange } from "./support/confirmed.ts";
import { dueAt, passAt, stockLane } from "./support/reconcile.ts";
import { counters, deliver, expectSettled, ledgerOf, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, orderNow, WAIT, worldOf } from "./support/world.ts";

beforeAll(migrate);

const YEAR_MS = 365 * 86_400_000;

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
      expect([status, body.reason, body.revision]).toEqual([200, "operator_request", 3]);
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
    await eventually(() => expect(world.sent).toHaveLength(2));
    const events = world.sent.toSorted((a, b) => a.type.localeCompare(b.type));
    expect(events.map(({ type }) => type)).toEqual(["order.cancelled", "order.placed"]);
    for (const event of [...events, ...events]) {
      await settleAll((await deliver([event])).outcomes);
    }
    const [order] = await expectSettled(sku, [body.id]);
    expect(order).toMatchObject({ reason: "operator_request", revision: 2 });
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
