import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { timeOfOrderId } from "../../src/contract/order-id.ts";
import { app } from "../../src/orders/http/app.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { GroupCommit } from "../../src/orders/place/group-commit.ts";
import { type Candidate, placeAll, type Placement } from "../../src/orders/place/placement.sql.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { addItem, candidateFor, orderNow, POLICY } from "./support/data.ts";
import { fakeQueue } from "./support/queue.ts";
import {
  call,
  envWith,
  migrate,
  newCustomer,
  problemOf,
  requestFor,
  rowCounts,
  tokenFor,
} from "./support/worker.ts";

beforeAll(migrate);

type Fakes = Parameters<typeof envWith>[0];
type Desks = NonNullable<Fakes["DESK"]>;

/** Posts an order to a Worker some of whose bindings are replaced. */
async function postTo(fakes: Fakes, sku: string): Promise<Response> {
  const token = await tokenFor(newCustomer());
  const request = requestFor("POST", "/v1/orders", {
    token,
    body: { lines: [{ sku, quantity: 1 }] },
  });
  const context = createExecutionContext();
  const response = await app.fetch(request, envWith(fakes), context);
  await waitOnExecutionContext(context);
  return response;
}

const deskThat = (place: (candidate: Candidate) => Promise<Placement>): Desks => ({
  getByName: () => ({ place: (candidate) => place(candidate as Candidate) }),
});
const reset = () => new Error("Durable Object reset because its code was updated.");

describe("placing an order", () => {
  it("answers 202 with its place and the order", async () => {
    const sku = await addItem({ amount: 300 });
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const body = { lines: [{ sku, quantity: 2 }] };
    const response = await call("POST", "/v1/orders", { token, body });
    expect(response.status).toBe(202);
    const order: OrderView = await response.json();
    expect(response.headers.get("Location")).toBe(`/v1/orders/${order.id}`);
    expect(response.headers.get("Content-Type")).toBe("application/json");
    expect(order).toStrictEqual({
      id: order.id,
      status: "pending",
      reason: null,
      lines: [{ sku, name: `The ${sku}`, quantity: 2, price: { amount: 300, currency: "EUR" } }],
      total: { amount: 600, currency: "EUR" },
      amountDue: 600,
      customerId,
      revision: 1,
      placedAt: order.placedAt,
      updatedAt: order.placedAt,
      payBy: null,
    });
    expect(await (await call("GET", `/v1/orders/${order.id}`, { token })).json()).toEqual(order);
  });

  it("gives the order an id of the moment it was placed, by which lists and pruning go", async () => {
    const before_ms = Date.now();
    const token = await tokenFor(newCustomer());
    const body = { lines: [{ sku: await addItem(), quantity: 1 }] };
    const order: OrderView = await (await call("POST", "/v1/orders", { token, body })).json();
    expect(timeOfOrderId(order.id)).toBeGreaterThanOrEqual(before_ms);
    expect(timeOfOrderId(order.id)).toBeLessThanOrEqual(Date.now());
  });

  it("takes one D1 round trip", async () => {
    const { db, trips } = observed(env.DB);
    await placeAll(db, [candidateFor(await addItem(), { key: "k" })], POLICY, Date.now());
    expect(trips).toHaveLength(1);
  });

  it("takes one D1 round trip and one announcement for 100 orders that wait together", async () => {
    const sku = await addItem();
    const { db, trips } = observed(env.DB);
    const announced: number[] = [];
    const desk = new GroupCommit({
      placeAll: (candidates) => placeAll(db, candidates, POLICY, Date.now()),
      watch: async () => {},
      decide: async () => null,
      announce: async ({ orders }) => {
        announced.push(orders.length);
      },
    });
    const waiting = Array.from({ length: 100 }, (_, i) =>
      desk.place(candidateFor(sku, { key: `k${i}` })),
    );
    const placements = await Promise.all(waiting);
    expect(new Set(placements.map(({ type }) => type))).toEqual(new Set(["placed"]));
    expect(trips).toHaveLength(1);
    expect(announced).toEqual([100]);
  });
});

describe("when the desk fails", () => {
  it("one direct commit places the order, and announces it", async () => {
    const { queue, sent } = fakeQueue();
    const desk = deskThat(() => Promise.reject(reset()));
    const response = await postTo({ DESK: desk, ORDER_EVENTS: queue }, await addItem());
    expect(response.status).toBe(202);
    const { id }: OrderView = await response.json();
    expect((await orderNow(id)).status).toBe("pending");
    expect(sent).toMatchObject([{ body: { type: "order.placed", orderId: id } }]);
  });

  it("after its commit, the direct commit finds the order and makes no second", async () => {
    const { orders } = await rowCounts();
    const ids: string[] = [];
    const desk = deskThat(async (candidate) => {
      ids.push(candidate.id);
      await placeAll(env.DB, [candidate], POLICY, Date.now());
      throw reset();
    });
    const response = await postTo({ DESK: desk }, await addItem());
    expect(response.status).toBe(202);
    expect(((await response.json()) as OrderView).id).toBe(ids[0]);
    expect((await rowCounts()).orders).toBe(orders! + 1);
  });

  it("as overloaded, no more load is put on it or on D1: 503", async () => {
    const overloaded = Object.assign(new Error("Durable Object is overloaded."), {
      overloaded: true,
    });
    const { db, trips } = observed(env.DB);
    const desk = deskThat(() => Promise.reject(overloaded));
    const response = await postTo({ DESK: desk, DB: db }, await addItem());
    expect(response.status).toBe(503);
    expect(trips).toHaveLength(0);
  });

  it("for everybody, at most 16 direct commits are under way", async () => {
    const gate = Promise.withResolvers<void>();
    const { db, trips } = observed(env.DB, { before: () => gate.promise });
    const desk = deskThat(() => Promise.reject(reset()));
    const sku = await addItem();
    const posts = Array.from({ length: 20 }, () => postTo({ DESK: desk, DB: db }, sku));
    await eventually(() => expect(trips).toHaveLength(16));
    gate.resolve();
    const statuses = (await Promise.all(posts)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(16);
    expect(statuses.filter((status) => status === 503)).toHaveLength(4);
  });
});

describe("when D1 fails", () => {
  it("the answer is 503 with Retry-After, and says that the order may have been placed", async () => {
    const desk = deskThat(() => Promise.reject(reset()));
    const response = await postTo({ DESK: desk, DB: brokenDb(env.DB) }, await addItem());
    expect(response.status).toBe(503);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    const problem = await problemOf(response);
    expect(problem.code).toBe("unavailable");
    expect(problem.detail).toContain("same key");
  });

  it.each(["failed", "busy"] as const)("a desk that says %s is answered 503", async (type) => {
    const response = await postTo({ DESK: deskThat(async () => ({ type })) }, await addItem());
    expect(response.status).toBe(503);
    expect(response.headers.has("Retry-After")).toBe(true);
  });

  it("after the commit, the repeat finds the order: placed once, answered as placed", async () => {
    const { orders, idempotency_keys } = await rowCounts();
    const { db, trips } = observed(env.DB, {
      after: (_sql, round) => {
        if (round === 0) throw new Error("Network connection lost.");
      },
    });
    const desk = new GroupCommit({
      placeAll: (candidates) => placeAll(db, candidates, POLICY, Date.now()),
      watch: async () => {},
      decide: async () => null,
      announce: async () => {},
    });
    const placement = await desk.place(candidateFor(await addItem(), { key: "lost" }));
    expect(placement.type).toBe("placed");
    expect(trips).toHaveLength(2);
    expect(await rowCounts()).toMatchObject({
      orders: orders! + 1,
      idempotency_keys: idempotency_keys! + 1,
    });
  });
});

describe("when the queue fails", () => {
  it("the order is placed all the same: its due time is the promise, the send only the fast way", async () => {
    const { queue } = fakeQueue({ fails: true });
    const desk = deskThat(() => Promise.reject(reset()));
    const response = await postTo({ DESK: desk, ORDER_EVENTS: queue }, await addItem());
    expect(response.status).toBe(202);
    const { id }: OrderView = await response.json();
    expect((await orderNow(id)).dueAt_ms).toBeGreaterThan(Date.now());
  });
});
