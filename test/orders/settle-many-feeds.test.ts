import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { pack, unpack } from "../../src/contract/envelope.ts";
import { newOrderId } from "../../src/contract/order-id.ts";
import { feedNotifier } from "../../src/orders/order/feed-notifier.ts";
import { consumeStockEvents } from "../../src/orders/outcomes/stock-events-consumer.ts";
import { observed } from "../support/d1.ts";
import { locked, pendingOrder, portsWith } from "./support/data.ts";
import { ACKED, batchOf, fakeQueue } from "./support/queue.ts";
import { envWith, migrate, rowCounts } from "./support/worker.ts";

beforeAll(migrate);

/** Pending orders, each of a customer of its own who is present. */
async function presentOrders(count: number): Promise<string[]> {
  const { id } = await pendingOrder();
  const ids = Array.from({ length: count }, () => newOrderId(Date.now()));
  const json = JSON.stringify(ids);
  await env.DB.batch([
    env.DB.prepare(
      `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency, revision,
         placed_at, updated_at, awaits, due_at, history)
       SELECT j.value, 'c' || j.value, status, lines, total_amount, currency, revision,
         placed_at, updated_at, awaits, due_at, history
       FROM orders AS o, json_each(?) AS j WHERE o.id = ?`,
    ).bind(json, id),
    env.DB.prepare("INSERT INTO presence SELECT 'c' || value, 0 FROM json_each(?)").bind(json),
  ]);
  return ids;
}

it("more feeds than an invocation may call cost no attempt: each is told once, none becomes a letter", async () => {
  const ids = await presentOrders(2_500);
  const told: string[] = [];
  const FEED = {
    getByName: () => ({
      async push(orders: unknown) {
        told.push(...(orders as { id: string }[]).map((order) => order.id));
      },
    }),
  };
  const { db, trips } = observed(env.DB);
  let bodies: unknown[] = pack(ids.map((id) => locked(id)));
  let deliveries = 0;
  const messages: number[] = [];
  for (; bodies.length > 0 && deliveries < 10; deliveries++) {
    const { batch, ended } = batchOf(
      "stock-events",
      bodies.map((body) => ({ body })),
    );
    const { queue, sent } = fakeQueue();
    const ports = portsWith({ db, feeds: feedNotifier(envWith({ FEED })) });
    await consumeStockEvents(batch, { ...ports, stockEvents: queue });
    expect(ended).toEqual(bodies.map(() => ACKED));
    bodies = sent.map(({ body }) => body);
    expect(bodies.map((body) => unpack(body).attempts)).toEqual(bodies.map(() => 0));
    expect(sent.every(({ delaySeconds }) => delaySeconds === 0)).toBe(true);
    messages.push(bodies.length);
  }
  expect(told.toSorted()).toEqual(ids.toSorted());
  // 800 feeds each, and what is left travels in full messages.
  expect([deliveries, messages]).toEqual([4, [17, 9, 1, 0]]);
  // What was settled without being told is settled once more at most: a trip is a thousand events.
  expect(trips).toHaveLength(4);
  expect(await rowCounts()).toMatchObject({ dead_letters: 0 });
});
