import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { pack, unpack } from "../../src/contract/envelope.ts";
import { feedNotifier } from "../../src/orders/order/feed-notifier.ts";
import { consumeStockEvents } from "../../src/orders/outcomes/stock-events-consumer.ts";
import { observed } from "../support/d1.ts";
import { INSERT_ORDERS, orderRow } from "../support/order.ts";
import { locked, portsWith } from "./support/data.ts";
import { ACKED, batchOf, fakeQueue } from "./support/queue.ts";
import { envWith, migrate, rowCounts } from "./support/worker.ts";

beforeAll(migrate);

/** Pending orders, each of a customer of its own who is present. */
async function presentOrders(count: number): Promise<string[]> {
  const due_at = Date.now() + 30_000;
  const rows = Array.from({ length: count }, (_, i) => orderRow({ customer_id: `c${i}`, due_at }));
  const json = JSON.stringify(rows);
  await env.DB.batch([
    env.DB.prepare(INSERT_ORDERS).bind(json),
    env.DB.prepare("INSERT INTO presence SELECT value->>'customer_id', 0 FROM json_each(?)").bind(
      json,
    ),
  ]);
  return rows.map(({ id }) => id);
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
