import { env } from "cloudflare:workers";
import { expect } from "vitest";
import { SYSTEM } from "../../../src/contract/actor.ts";
import type { OrderEvent } from "../../../src/contract/order-events.ts";
import { newOrderId } from "../../../src/contract/order-id.ts";
import type { StockEvent } from "../../../src/contract/stock-events.ts";
import { changeOrder } from "../../../src/orders/change/change-order.ts";
import { policyOf } from "../../../src/orders/config/policy.ts";
import { commandOf, type Order } from "../../../src/orders/order/order.ts";
import { settlePorts } from "../../../src/orders/outcomes/settle-ports.ts";
import { settle } from "../../../src/orders/outcomes/settle.ts";
import { placeAll } from "../../../src/orders/place/placement.sql.ts";
import { deliver, expectLegalHistory, settleAll } from "./stock.ts";
import { newCustomer, orderNow, type World } from "./world.ts";

export const TIMES = 100;
const QUANTITY = 2;

/** An item with a limit, and as many pending orders of it as a race is run, each of two units. */
export async function pendingOrders(world: World) {
  const sku = await world.stocked(TIMES * QUANTITY, { limitPerCustomer: 3 });
  const now_ms = Date.now();
  const candidates = Array.from({ length: TIMES }, () => ({
    id: newOrderId(now_ms),
    customerId: newCustomer(),
    key: null,
    lines: [{ sku, quantity: QUANTITY }],
  }));
  const placements = await placeAll(env.DB, candidates, policyOf(env), now_ms);
  const orders = placements.flatMap((one) => (one.type === "placed" ? [one.order] : []));
  expect(orders).toHaveLength(TIMES);
  return { sku, orders };
}

export const placedEvent = (order: Order): OrderEvent => commandOf(order, "lock", Date.now());

/** The same orders, locked at the item; `confirm` settles one, as if so long ago. */
export async function lockedOrders(world: World) {
  const { sku, orders } = await pendingOrders(world);
  const { outcomes } = await deliver(orders.map(placedEvent));
  const byOrder = new Map(
    outcomes.flatMap((event) => ("orderId" in event ? [[event.orderId, event] as const] : [])),
  );
  const confirm = async (
    { id }: Order,
    { ago_ms = 0, paymentWindow_ms = 0, db = env.DB } = {},
  ): Promise<void> => {
    const now_ms = Date.now() - ago_ms;
    const ports = settlePorts(env);
    await settle([byOrder.get(id) as StockEvent], {
      ...ports,
      db,
      policy: { ...ports.policy, paymentWindow_ms },
      now: () => now_ms,
    });
  };
  return { sku, orders, confirm };
}

/** Cancels or pays by the world's env, over this database. */
export async function change(
  world: World,
  name: "pay" | "cancel",
  id: string,
  db = env.DB,
): Promise<Order> {
  const work: Promise<unknown>[] = [];
  const own = Object.assign({}, world.env, { DB: db });
  const order = await changeOrder(own, name, { id, actor: SYSTEM }, (one) => work.push(one));
  await Promise.all(work);
  if (!order) throw new Error(`there is no order ${id}`);
  return order;
}

/**
 * Does both with a database of its own, whose first batch, the deciding one, waits until the other's
 * is there as well: then both are sent in one turn, by `i` the one or the other first.
 */
export async function atOnce<A, B>(
  i: number,
  one: (db: D1Database) => Promise<A>,
  other: (db: D1Database) => Promise<B>,
): Promise<[A, B]> {
  const starts: (() => void)[] = [];
  const databaseOf = (place: 0 | 1): D1Database => {
    let hasMet = false;
    return new Proxy(env.DB, {
      get(inner, name) {
        const value: unknown = Reflect.get(inner, name);
        if (typeof value !== "function") return value;
        if (name !== "batch" || hasMet) return value.bind(inner);
        return async (statements: D1PreparedStatement[]) => {
          hasMet = true;
          await new Promise<void>((start) => {
            starts[place] = start;
            if (!starts[0] || !starts[1]) return;
            // In a turn of its own: by now both are waiting, and go on in this order.
            queueMicrotask(() =>
              (i % 2 === 0 ? starts : starts.toReversed()).forEach((go) => go()),
            );
          });
          return inner.batch(statements);
        };
      },
    });
  };
  return Promise.all([one(databaseOf(0)), other(databaseOf(1))]);
}

/** What an order's end has to tell the stock item. */
export function endEvent(order: Order): OrderEvent {
  return commandOf(order, order.status === "paid" ? "commit" : "release", Date.now());
}

/**
 * Lets the messages arrive: for every other order the end before a copy of its beginning, for the
 * rest after it; then all of them once more the other way round. Outcomes come doubled and reversed.
 */
export async function deliverBothWays(placed: readonly Order[]): Promise<void> {
  const orders = await Promise.all(placed.map(({ id }) => orderNow(id)));
  const pairs = orders.map((order, i) => {
    const pair = [placedEvent(order), endEvent(order)];
    return i % 2 === 0 ? pair : pair.toReversed();
  });
  const rounds = [
    pairs.map(([first]) => first),
    pairs.map(([, second]) => second),
    pairs.flatMap((pair) => pair.toReversed()),
  ];
  for (const round of rounds) {
    const events = round.flatMap((event) => (event ? [event] : []));
    const { outcomes, ended } = await deliver(events);
    expect(new Set(ended)).toEqual(new Set(["ack"]));
    await settleAll([...outcomes.toReversed(), ...outcomes]);
  }
  for (const { id } of orders) expectLegalHistory(await orderNow(id));
}
