import { beforeAll, describe, expect, test } from "vitest";
import {
  atOnce,
  change,
  deliverBothWays,
  lockedOrders,
  pendingOrders,
  placedEvent,
  TIMES,
} from "./support/race.ts";
import { passAt, stockLane } from "./support/reconcile.ts";
import { deliver, expectLegalHistory, expectSettled, settleAll } from "./support/stock.ts";
import { migrate, orderNow, worldOf } from "./support/world.ts";

beforeAll(migrate);

const idsOf = (orders: readonly { id: string }[]) => orders.map(({ id }) => id);
/** How often each of these came. */
const tally = (all: readonly string[]) =>
  Object.fromEntries([...Map.groupBy(all, (one) => one)].map(([one, own]) => [one, own.length]));

// Each race is run 100 times; a race of which one side always wins would prove nothing.
const BOTH_WON = TIMES / 20;

describe("invariants 1 to 6 hold when at the same instant", () => {
  test("an order is paid and expires", async () => {
    const world = await worldOf();
    const { sku, orders, confirm } = await lockedOrders(world);
    const winners: string[] = [];
    for (const [i, order] of orders.entries()) {
      await confirm(order, { ago_ms: 60_000, paymentWindow_ms: 60_000 });
      // Half of the releases are lost with their lane call, and come as messages only.
      const lane = stockLane({ isAway: i % 4 < 2 });
      const [paid] = await atOnce(
        i,
        (db) => change(world, "pay", order.id, db),
        (db) => passAt(Date.now(), { ...lane, db }),
      );
      const now = await orderNow(order.id);
      expectLegalHistory(now);
      expect(now.revision).toBe(3);
      expect(paid.status).toBe(now.status);
      winners.push(now.reason ?? now.status);
    }
    const { paid = 0, payment_timeout: expired = 0 } = tally(winners);
    expect(paid + expired).toBe(TIMES);
    expect(Math.min(paid, expired)).toBeGreaterThan(BOTH_WON);
    expect(world.sent.filter(({ type }) => type === "order.paid")).toHaveLength(paid);
    await deliverBothWays(orders);
    await expectSettled(sku, idsOf(orders));
  });

  test("an order is cancelled and confirmed, each message delivered as it comes", async () => {
    const world = await worldOf();
    const { sku, orders } = await pendingOrders(world);
    const revisions: string[] = [];
    for (const [i, order] of orders.entries()) {
      const cancel = async () => {
        expect((await change(world, "cancel", order.id)).status).toBe("cancelled");
        await settleAll((await deliver(world.sent.splice(0))).outcomes);
      };
      const confirm = async () => settleAll((await deliver([placedEvent(order)])).outcomes);
      // Nothing holds them back: the item and D1 meet them as they come.
      const pair = i % 2 === 0 ? [cancel, confirm] : [confirm, cancel];
      await Promise.all(pair.map((work) => work()));
      const now = await orderNow(order.id);
      expectLegalHistory(now);
      expect(now).toMatchObject({ status: "cancelled", reason: "customer_request", awaits: null });
      revisions.push(`revision ${now.revision}`);
    }
    const { "revision 2": first = 0, "revision 3": late = 0 } = tally(revisions);
    expect(first + late).toBe(TIMES);
    await deliverBothWays(orders);
    await expectSettled(sku, idsOf(orders));
  });

  test("an order is cancelled and its lock comes in from the queue", async () => {
    const world = await worldOf();
    const { sku, orders, confirm } = await lockedOrders(world);
    const revisions: string[] = [];
    for (const [i, order] of orders.entries()) {
      const [cancelled] = await atOnce(
        i,
        (db) => change(world, "cancel", order.id, db),
        (db) => confirm(order, { db }),
      );
      const now = await orderNow(order.id);
      expectLegalHistory(now);
      expect(now).toMatchObject({ status: "cancelled", reason: "customer_request" });
      expect(now.revision).toBe(cancelled.revision);
      revisions.push(`revision ${now.revision}`);
    }
    const { "revision 2": first = 0, "revision 3": late = 0 } = tally(revisions);
    expect(first + late).toBe(TIMES);
    expect(Math.min(first, late)).toBeGreaterThan(BOTH_WON);
    await deliverBothWays(orders);
    await expectSettled(sku, idsOf(orders));
  });

  test("an order is cancelled and paid", async () => {
    const world = await worldOf();
    const { sku, orders, confirm } = await lockedOrders(world);
    const winners: string[] = [];
    for (const [i, order] of orders.entries()) {
      await confirm(order);
      const seen = await atOnce(
        i,
        (db) => change(world, "cancel", order.id, db),
        (db) => change(world, "pay", order.id, db),
      );
      const now = await orderNow(order.id);
      expectLegalHistory(now);
      expect(now.revision).toBe(3);
      // Both callers are told the one outcome.
      for (const { status, reason, revision } of seen) {
        expect([status, reason, revision]).toEqual([now.status, now.reason, 3]);
      }
      winners.push(now.status);
    }
    const { paid = 0, cancelled = 0 } = tally(winners);
    expect(paid + cancelled).toBe(TIMES);
    expect(Math.min(paid, cancelled)).toBeGreaterThan(BOTH_WON);
    const told = tally(world.sent.map(({ type }) => type));
    expect(told).toEqual({ "order.paid": paid, "order.cancelled": cancelled });
    await deliverBothWays(orders);
    await expectSettled(sku, idsOf(orders));
  });
});
