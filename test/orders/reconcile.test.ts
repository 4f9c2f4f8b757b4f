import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { settle } from "../../src/orders/outcomes/settle.ts";
import {
  fakeFeeds,
  locked,
  markPresent,
  orderNow,
  pendingOrder,
  POLICY,
  portsWith,
  refused,
  moveOne,
} from "./support/data.ts";
import { absentStock, fakeStock, pass } from "./support/stock.ts";
import { migrate } from "./support/worker.ts";

beforeAll(migrate);
beforeEach(async () => {
  await env.DB.prepare("DELETE FROM orders").run();
});

const T0 = 10_000_000;

const at = (now_ms: number, policy = POLICY) => ({ policy, now_ms });
const placed = () => pendingOrder({ placedAt_ms: T0 });

async function moved(name: "cancel" | "pay") {
  const { id } = await placed();
  await settle([locked(id)], portsWith({ now: () => T0 }));
  await moveOne(name, id, at(T0));
  return orderNow(id);
}

describe("invariant 7: reconcile heals", () => {
  it("an order whose queue message was lost, 30 s after it was placed and not before", async () => {
    const { id } = await placed();
    const { stock, calls } = fakeStock();
    await pass(T0 + 29_999, { stock });
    expect(calls).toEqual([]);
    await pass(T0 + 30_000, { stock });
    expect(calls.flat()).toMatchObject([{ type: "order.placed", orderId: id }]);
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", awaits: null, dueAt_ms: null });
  });

  it("an order that is refused, with the same outcome as by the queue", async () => {
    const { id } = await placed();
    const { stock } = fakeStock({ "order.placed": refused });
    await pass(T0 + 30_000, { stock });
    expect(await orderNow(id)).toMatchObject({ status: "cancelled", reason: "out_of_stock" });
  });

  it.each([
    ["cancel", "order.cancelled"],
    ["pay", "order.paid"],
  ] as const)("an order whose stock has not heard of its %s", async (name, type) => {
    const { id, revision } = await moved(name);
    const { stock, calls } = fakeStock();
    await pass(T0 + 30_000, { stock });
    expect(calls.flat()).toMatchObject([{ type, orderId: id }]);
    expect(await orderNow(id)).toMatchObject({ awaits: null, dueAt_ms: null, revision });
  });

  it("and never looks at a settled order again", async () => {
    await placed();
    await pass(T0 + 30_000);
    const { stock, calls } = fakeStock();
    await pass(T0 + 1e10, { stock });
    expect(calls).toEqual([]);
  });

  it("and tells the feed of a present customer", async () => {
    const order = await placed();
    await markPresent(order.customerId);
    const feeds = fakeFeeds();
    await pass(T0 + 30_000, { feeds });
    expect(feeds.told).toMatchObject([{ id: order.id, status: "confirmed" }]);
  });
});

describe("the lock deadline", () => {
  const late = T0 + 900_000;

  it("cancels a pending order with lock_timeout, and asks for the release in the same pass", async () => {
    const { id } = await placed();
    const { stock, calls } = fakeStock();
    await pass(late, { stock });
    expect(calls.flat()).toMatchObject([{ type: "order.cancelled", orderId: id }]);
    expect(await orderNow(id)).toMatchObject({
      status: "cancelled",
      reason: "lock_timeout",
      revision: 2,
      awaits: null,
    });
  });

  it("invariant 5: leaves the release owed while the stock does not answer", async () => {
    const { id } = await placed();
    await pass(late, { stock: absentStock });
    expect(await orderNow(id)).toMatchObject({ reason: "lock_timeout", awaits: "release" });
    await settle([locked(id)], portsWith());
    await pass(late + 60_000);
    expect(await orderNow(id)).toMatchObject({ reason: "lock_timeout", awaits: null, revision: 2 });
  });

  it("of 0 never comes", async () => {
    const { id } = await placed();
    const policy = { ...POLICY, lockDeadline_ms: 0 };
    await pass(T0 + 1e10, { stock: absentStock, policy });
    expect((await orderNow(id)).status).toBe("pending");
  });
});

describe("the payment window", () => {
  const policy = { ...POLICY, paymentWindow_ms: 60_000 };

  it("cancels an unpaid order at payBy, releases its stock and tells its customer", async () => {
    const { id, customerId } = await placed();
    await settle([locked(id)], portsWith({ policy, now: () => T0 }));
    await markPresent(customerId);
    const feeds = fakeFeeds();
    await pass(T0 + 59_999, { policy });
    expect((await orderNow(id)).status).toBe("confirmed");
    await pass(T0 + 60_000, { policy, feeds });
    expect(await orderNow(id)).toMatchObject({
      status: "cancelled",
      reason: "payment_timeout",
      awaits: null,
    });
    expect(feeds.told[0]).toMatchObject({ id, reason: "payment_timeout" });
  });

  it("does not touch an order that was paid in time", async () => {
    const { id } = await placed();
    await settle([locked(id)], portsWith({ policy, now: () => T0 }));
    await moveOne("pay", id, at(T0 + 59_000));
    await pass(T0 + 100_000, { policy });
    expect(await orderNow(id)).toMatchObject({ status: "paid", awaits: null });
  });
});
