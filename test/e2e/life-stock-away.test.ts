import { v7 } from "uuid";
import { expect, test } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import type { Client } from "./support/client.ts";
import { start } from "./support/npm-start.ts";
import { preparedState } from "./support/prepared-state.ts";
import { expectLedgerReplays, settled } from "./support/settled.ts";
import { until } from "./support/until.ts";

/** First due after 30 s, and then at most one backoff when an attempt fell short. */
const SETTLE_MS = 150_000;

test(
  "invariant 7: with the stock Worker stopped, wait=2 answers 202 within 2.5 s, and the order settles after it is back",
  { timeout: 400_000 },
  async (context) => {
    const state = await preparedState(context);
    const alone = await start(context, [`--state=${state}`, "--only=orders"]);
    await alone.ready();
    const sku = `SKU-${v7()}`;
    const item = { name: "Away", price: { amount: 100, currency: "EUR" } };
    expect((await alone.operator.call("PUT", `/v1/items/${sku}`, item)).status).toBe(201);
    const customer = await alone.customer("patient");
    await timed(customer, sku); // the first call of a process also loads it
    const { reply, took_ms } = await fastest(() => timed(customer, sku));
    expect([reply.status, reply.body.status]).toEqual([202, "pending"]);
    expect(reply.headers.get("preference-applied")).toBe("wait=2");
    expect(took_ms).toBeLessThan(2_500);
    const looked = await fastest(() => timedLook(customer, reply.body.id));
    expect([looked.reply.status, looked.reply.body.status]).toEqual([200, "pending"]);
    expect(looked.took_ms).toBeLessThan(2_500);

    const stock = await start(context, [`--state=${state}`, "--only=stock"]);
    await stock.ready();
    await until("stock received", () => alone.operator.receive(sku, 5));
    const [order] = await settled(customer, [reply.body.id], SETTLE_MS);
    expect(order).toMatchObject({ status: "confirmed", revision: 2 });
    await expectLedgerReplays(alone.operator, sku);
    const direct = await timed(customer, sku, 10);
    expect([direct.reply.status, direct.reply.body.status]).toEqual([201, "confirmed"]);
  },
);

/** A busy machine adds its own time, but hardly each time. */
async function fastest<T extends { took_ms: number }>(once: () => Promise<T>): Promise<T> {
  const [first, ...others] = [await once(), await once(), await once()];
  return others.reduce((best, one) => (one.took_ms < best.took_ms ? one : best), first);
}

async function timedLook(customer: Client, id: string) {
  const start_ms = Date.now();
  const headers = { prefer: "wait=2" };
  const reply = await customer.call<OrderView>("GET", `/v1/orders/${id}`, undefined, headers);
  return { reply, took_ms: Date.now() - start_ms };
}

async function timed(customer: Client, sku: string, wait_s = 2) {
  const start_ms = Date.now();
  const body = { lines: [{ sku, quantity: 1 }] };
  const headers = { prefer: `wait=${wait_s}` };
  const reply = await customer.call<OrderView>("POST", "/v1/orders", body, headers);
  return { reply, took_ms: Date.now() - start_ms };
}
