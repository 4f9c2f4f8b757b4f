import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { beforeAll, describe, expect, it } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import {
  locked,
  orderNow,
  pendingOrder,
  POLICY,
  portsWith,
  refused,
  tamper,
  moveOne,
} from "./support/data.ts";
import { connect } from "./support/feed.ts";
import { fakeQueue } from "./support/queue.ts";
import { call, envWith, migrate, problemOf, requestFor, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

describe("cancelling", () => {
  async function cancel(id: string, fakes: Parameters<typeof envWith>[0] = {}) {
    const token = await tokenFor((await orderNow(id)).customerId);
    const request = requestFor("POST", `/v1/orders/${id}/cancel`, { token });
    const context = createExecutionContext();
    const response = await app.fetch(request, envWith(fakes), context);
    await waitOnExecutionContext(context);
    return response;
  }

  it.each(["pending", "confirmed"])(
    "a %s order asks for the release of its stock",
    async (status) => {
      const { id } = await pendingOrder();
      if (status === "confirmed") await settle([locked(id)], portsWith());
      const { queue, sent } = fakeQueue();
      const response = await cancel(id, { ORDER_EVENTS: queue });
      expect(response.status).toBe(200);
      expect(await response.json()).toMatchObject({
        id,
        status: "cancelled",
        reason: "customer_request",
      });
      expect(sent).toMatchObject([{ body: { type: "order.cancelled", orderId: id } }]);
      expect(await orderNow(id)).toMatchObject({ awaits: "release" });
    },
  );

  it("goes through when the queue is away: the order stays due", async () => {
    const { id } = await pendingOrder();
    expect((await cancel(id, { ORDER_EVENTS: fakeQueue({ fails: true }).queue })).status).toBe(200);
    const { awaits, dueAt_ms } = await orderNow(id);
    expect([awaits, dueAt_ms! <= Date.now() + 30_000]).toEqual(["release", true]);
  });

  it("a cancelled order is 200 again, for whatever reason it was cancelled", async () => {
    const [own, sold] = [await pendingOrder(), await pendingOrder()];
    await cancel(own.id);
    await settle([refused(sold.id)], portsWith());
    for (const id of [own.id, sold.id]) {
      const before = await orderNow(id);
      expect((await cancel(id)).status).toBe(200);
      expect(await orderNow(id)).toEqual(before);
    }
  });

  it("a paid order is 409, and shows the order", async () => {
    const { id } = await pendingOrder();
    await settle([locked(id)], portsWith());
    await moveOne("pay", id, { policy: POLICY, now_ms: Date.now() });
    const response = await cancel(id);
    expect(response.status).toBe(409);
    const problem = await problemOf(response);
    expect(problem).toMatchObject({ code: "not_cancellable", order: { id, status: "paid" } });
  });

  it("is told to the customer's feed", async () => {
    const { id, customerId } = await pendingOrder();
    const client = await connect({ token: await tokenFor(customerId) });
    await client.snapshot();
    await cancel(id);
    await client.hears(2);
    expect(client.changes).toEqual([[id, "cancelled", 2]]);
  });
});

describe("reading an order", () => {
  it("shows the shortages of a refused one", async () => {
    const { id, customerId } = await pendingOrder();
    const shortages = [{ sku: "CUP", requested: 2, available: 1, reason: "out_of_stock" as const }];
    await settle([refused(id, shortages)], portsWith());
    const token = await tokenFor(customerId);
    const order = await (await call("GET", `/v1/orders/${id}`, { token })).json();
    expect(order).toMatchObject({ status: "cancelled", reason: "out_of_stock", shortages });
  });

  it("shows until when a confirmed one has to be paid", async () => {
    const { id, customerId } = await pendingOrder();
    await tamper(id, { status: "confirmed", awaits: null, pay_by: 1_767_225_600_000 });
    const token = await tokenFor(customerId);
    const order = await (await call("GET", `/v1/orders/${id}`, { token })).json();
    expect(order).toMatchObject({ status: "confirmed", payBy: "2026-01-01T00:00:00.000Z" });
  });
});
