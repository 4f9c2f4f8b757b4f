import { env } from "cloudflare:workers";
import { v7 } from "uuid";
import { beforeAll, describe, expect, test } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import { extendOrder } from "../../src/orders/change/extend-order.ts";
import type { Payment, ReportedPayment } from "../../src/orders/order/payment.ts";
import { settlePorts } from "../../src/orders/outcomes/settle-ports.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { recordPayment } from "../../src/orders/payments/record-payment.ts";
import { recordReturn } from "../../src/orders/returns/record-return.ts";
import { moneyOf, paymentOf } from "./support/money.ts";
import { atOnce, change, lockedOrders, TIMES } from "./support/race.ts";
import { passAt } from "./support/reconcile.ts";
import { deliver, expectSettled, settleAll } from "./support/stock.ts";
import { migrate, orderNow, type World, worldOf } from "./support/world.ts";

/** Each race is run 100 times, in turns with either first; one that one side always wins proves nothing. */

beforeAll(migrate);

const SHOP = { kind: "service", sub: "shop" } as const;
const BOTH_WON = TIMES / 20;

/** Does what needs a background, and what it does there. */
async function inBackground<T>(
  work: (background: (one: Promise<unknown>) => void) => Promise<T>,
): Promise<T> {
  const all: Promise<unknown>[] = [];
  const result = await work((one) => all.push(one));
  await Promise.all(all);
  return result;
}

const pay = (world: World, payment: ReportedPayment, db = env.DB): Promise<Payment> =>
  inBackground(async (background) => {
    const own = Object.assign({}, world.env, { DB: db });
    return (await recordPayment(own, payment, SHOP, background)).payment;
  });

/** Locked orders that no pass looks at by itself, however long the test takes. */
async function lockedForLater(world: World) {
  const made = await lockedOrders(world);
  await env.DB.prepare(
    "UPDATE orders SET due_at = due_at + 86400000 WHERE status = 'pending'",
  ).run();
  return made;
}

/** Delivers all that was sent, and makes passes for what is left. */
async function settleDown(world: World): Promise<void> {
  for (let round = 0; round < 2; round++) {
    await settleAll((await deliver(world.sent.splice(0))).outcomes);
    await passAt(Date.now() + 100);
  }
}

const tally = (all: readonly string[]) =>
  Object.fromEntries([...Map.groupBy(all, (one) => one)].map(([one, own]) => [one, own.length]));

/** Each of these came often, and nothing else. */
function expectAll(all: readonly string[], expected: readonly string[]): void {
  const counts = tally(all);
  expect(Object.keys(counts).toSorted()).toEqual(expected.toSorted());
  expect(Math.min(...Object.values(counts))).toBeGreaterThan(BOTH_WON);
}
const expectBoth = (all: readonly string[], one: string, other: string): void =>
  expectAll(all, [one, other]);

const successorOf = async (id: string): Promise<string[]> => {
  const { results } = await env.DB.prepare("SELECT id FROM orders WHERE successor_of = ?")
    .bind(id)
    .all<{ id: string }>();
  return results.map((row) => row.id);
};

describe(
  "money is applied once and never lost when at the same instant",
  { timeout: 180_000 },
  () => {
    test("an order is paid for and expires", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      const became: string[] = [];
      const ids: string[] = [];
      const last: string[] = [];
      for (const [i, order] of orders.entries()) {
        await confirm(order, { ago_ms: 60_000, paymentWindow_ms: 60_000 });
        const payment = paymentOf(order.id);
        await atOnce(
          i,
          (db) => pay(world, payment, db),
          (db) => passAt(Date.now(), { db }),
        );
        const successors = await successorOf(order.id);
        ids.push(order.id, ...successors);
        last.push(successors[0] ?? order.id);
        became.push(successors.length > 0 ? "placed again" : "paid");
      }
      await settleDown(world);
      for (const [i, { id }] of orders.entries()) {
        expect((await orderNow(last[i]!)).status).toBe("paid");
        expect(Object.values(await moneyOf(id))).toEqual(["applied"]);
      }
      expectBoth(became, "placed again", "paid");
      await expectSettled(sku, ids);
    });

    test("an order is paid for and cancelled", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      const became: string[] = [];
      for (const [i, order] of orders.entries()) {
        await confirm(order);
        const payment = paymentOf(order.id);
        await atOnce(
          i,
          (db) => pay(world, payment, db),
          (db) => change(world, "cancel", order.id, db),
        );
        const { status } = await orderNow(order.id);
        const [money] = Object.values(await moneyOf(order.id));
        became.push(`${status}, ${money}`);
      }
      expectBoth(became, "paid, applied", "cancelled, unmatched ended");
      await settleDown(world);
      await expectSettled(
        sku,
        orders.map(({ id }) => id),
      );
    });

    test("a pending order is paid for and confirmed", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      const first: string[] = [];
      for (const [i, order] of orders.entries()) {
        const payment = paymentOf(order.id);
        const [recorded] = await atOnce(
          i,
          (db) => pay(world, payment, db),
          (db) => confirm(order, { db }),
        );
        first.push(recorded.state);
        expect((await orderNow(order.id)).status).toBe("paid");
        expect(await moneyOf(order.id)).toEqual({ [payment.reference]: "applied" });
      }
      expectBoth(first, "waiting", "applied");
      await settleDown(world);
      await expectSettled(
        sku,
        orders.map(({ id }) => id),
      );
    });

    test("an order is paid for by two payments", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      const winners: string[] = [];
      for (const [i, order] of orders.entries()) {
        await confirm(order);
        const [one, other] = [paymentOf(order.id), paymentOf(order.id)];
        const states = await atOnce(
          i,
          (db) => pay(world, one, db),
          (db) => pay(world, other, db),
        );
        expect(states.map(({ state }) => state).toSorted()).toEqual(["applied", "unmatched"]);
        winners.push(states[0].state);
        expect((await orderNow(order.id)).revision).toBe(3);
      }
      expectBoth(winners, "applied", "unmatched");
      await settleDown(world);
      await expectSettled(
        sku,
        orders.map(({ id }) => id),
      );
    });

    test("one notice comes twice", async () => {
      const world = await worldOf();
      const { orders, confirm } = await lockedForLater(world);
      for (const [i, order] of orders.entries()) {
        await confirm(order);
        const payment = paymentOf(order.id);
        const states = await atOnce(
          i,
          (db) => pay(world, payment, db),
          (db) => pay(world, payment, db),
        );
        expect(states.map(({ state }) => state)).toEqual(["applied", "applied"]);
        expect((await orderNow(order.id)).revision).toBe(3);
      }
    });

    test("two late payments come: one successor", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      const ids: string[] = [];
      const last: string[] = [];
      for (const [i, order] of orders.entries()) {
        await confirm(order, { ago_ms: 60_000, paymentWindow_ms: 60_000 });
        await passAt(Date.now());
        const [one, other] = [paymentOf(order.id), paymentOf(order.id)];
        await atOnce(
          i,
          (db) => pay(world, one, db),
          (db) => pay(world, other, db),
        );
        const [successor, ...more] = await successorOf(order.id);
        expect(more).toEqual([]);
        last.push(successor!);
      }
      await settleDown(world);
      for (const [i, { id }] of orders.entries()) {
        expect((await orderNow(last[i]!)).status).toBe("paid");
        expect(Object.values(await moneyOf(id)).toSorted()).toEqual([
          "applied",
          "unmatched already_paid",
        ]);
        ids.push(id, last[i]!);
      }
      await expectSettled(sku, ids);
    });

    test("a window is extended and runs out", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      const became: string[] = [];
      for (const [i, order] of orders.entries()) {
        await confirm(order, { ago_ms: 60_000, paymentWindow_ms: 60_000 });
        const [{ isExtended }] = await atOnce(
          i,
          (db) =>
            inBackground((background) => {
              const own = Object.assign({}, world.env, { DB: db });
              return extendOrder(own, { id: order.id, by_ms: 900_000, actor: SHOP }, background);
            }),
          (db) => passAt(Date.now(), { db }),
        );
        const { status } = await orderNow(order.id);
        became.push(status);
        expect(isExtended).toBe(status === "confirmed");
      }
      expectBoth(became, "confirmed", "cancelled");
      await settleDown(world);
      await expectSettled(
        sku,
        orders.map(({ id }) => id),
      );
    });

    /** Returns all two units; resolves to how that was judged. */
    const giveBack = async (world: World, order: { id: string }, sku: string, db: D1Database) => {
      const wanted = {
        id: newOrderId(Date.now()),
        orderId: order.id,
        lines: [{ sku, quantity: 2 }],
        restock: true,
        reason: "race",
        actor: SHOP,
        keyOwner: "shop",
        key: v7(),
      };
      const own = Object.assign({}, world.env, { DB: db });
      return (await inBackground((background) => recordReturn(own, wanted, background))).type;
    };

    test.each(["paid for", "cancelled", "expires"] as const)(
      "an order is returned and %s",
      async (other) => {
        const world = await worldOf();
        const { sku, orders, confirm } = await lockedForLater(world);
        const became: string[] = [];
        for (const [i, order] of orders.entries()) {
          await confirm(
            order,
            other === "expires" ? { ago_ms: 60_000, paymentWindow_ms: 60_000 } : {},
          );
          const [type] = await atOnce(
            i,
            (db) => giveBack(world, order, sku, db),
            (db): Promise<unknown> =>
              other === "paid for"
                ? pay(world, paymentOf(order.id), db)
                : other === "cancelled"
                  ? change(world, "cancel", order.id, db)
                  : passAt(Date.now(), { db }),
          );
          const { returned, status } = await orderNow(order.id);
          // What was recorded is in the order, and nothing else is.
          expect(returned).toEqual(type === "new" ? { [sku]: 2 } : null);
          expect(status).toBe(other === "paid for" ? "paid" : "cancelled");
          became.push(type);
        }
        const types = other === "paid for" ? ["new", "not_returnable"] : ["not_returnable"];
        expectAll(became, types);
        await settleDown(world);
        await expectSettled(
          sku,
          orders.map(({ id }) => id),
        );
      },
    );

    test("an order is returned and its commit comes in", async () => {
      const world = await worldOf();
      const { sku, orders, confirm } = await lockedForLater(world);
      for (const [i, order] of orders.entries()) {
        await confirm(order);
        await change(world, "pay", order.id);
        const { outcomes } = await deliver(world.sent.splice(0));
        const wanted = {
          id: newOrderId(Date.now()),
          orderId: order.id,
          lines: [{ sku, quantity: 2 }],
          restock: i % 2 === 0,
          reason: "race",
          actor: SHOP,
          keyOwner: "shop",
          key: v7(),
        };
        const [returned] = await atOnce(
          i,
          (db) =>
            inBackground((background) => {
              return recordReturn(Object.assign({}, world.env, { DB: db }), wanted, background);
            }),
          (db) => settle(outcomes, { ...settlePorts(env), db }),
        );
        expect(returned.type).toBe("new");
        expect(await orderNow(order.id)).toMatchObject({ revision: 4, awaits: null });
      }
      await settleDown(world);
      await expectSettled(
        sku,
        orders.map(({ id }) => id),
      );
    });
  },
);
