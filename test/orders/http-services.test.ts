import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { addItem, candidateFor, orderNow, pendingOrder, POLICY, tamper } from "./support/data.ts";
import { call, migrate, newCustomer, problemOf, rowCounts, tokenFor } from "./support/worker.ts";

let sku = "";

beforeAll(async () => {
  await migrate();
  sku = await addItem();
});

const serviceToken = (scope: string, sub = newCustomer()) => tokenFor(sub, { scope });

/** What one service posts for its customers. */
async function shop(sub = newCustomer()) {
  const token = await serviceToken("openid orders:create", sub);
  return (key: string | null, customerId: unknown, quantity = 1) =>
    call("POST", "/v1/orders", {
      token,
      body: { lines: [{ sku, quantity }], ...(customerId !== undefined && { customerId }) },
      headers: key === null ? {} : { "Idempotency-Key": key },
    });
}

const orderIn = (response: Response): Promise<OrderView> => response.json();

describe("an order that a service places", () => {
  it("belongs to the customer it names, who reads it like any other", async () => {
    const [post, customerId] = [await shop(), newCustomer()];
    const placed = await post(null, customerId);
    expect(placed.status).toBe(202);
    const order = await orderIn(placed);
    expect(order.customerId).toBe(customerId);
    expect((await orderNow(order.id)).customerId).toBe(customerId);
    const token = await tokenFor(customerId);
    expect((await call("GET", `/v1/orders/${order.id}`, { token })).status).toBe(200);
    const { orders } = await (
      await call("GET", "/v1/orders", { token })
    ).json<{
      orders: OrderView[];
    }>();
    expect(orders.map(({ id }) => id)).toEqual([order.id]);
  });

  it("is its own without customerId", async () => {
    const sub = newCustomer();
    const post = await shop(sub);
    expect((await orderIn(await post("k", undefined))).customerId).toBe(sub);
  });

  it("is refused with 403 to a customer who names one, be it the own", async () => {
    const before = await rowCounts();
    const customerId = newCustomer();
    const token = await tokenFor(customerId, { scope: "openid orders:created" });
    for (const named of [customerId, newCustomer()]) {
      const body = { lines: [{ sku, quantity: 1 }], customerId: named };
      const response = await call("POST", "/v1/orders", { token, body });
      const problem = await problemOf(response);
      expect([response.status, problem.code]).toEqual([403, "forbidden"]);
      expect(problem.detail).toContain("orders:create");
    }
    expect(await rowCounts()).toEqual(before);
  });

  it.each([
    ["empty", ""],
    ["too long", "c".repeat(256)],
    ["half a surrogate", "a\ud800"],
    ["a number", 7],
    ["null", null],
  ])("is 400 when customerId is %s", async (_, customerId) => {
    const before = await rowCounts();
    const response = await (await shop())("k", customerId);
    const { errors = [] } = await problemOf(response);
    expect([response.status, errors.map(({ path }) => path)]).toEqual([400, ["/customerId"]]);
    expect(await rowCounts()).toEqual(before);
  });

  it("may be for a customer of 255 characters", async () => {
    const customerId = "ü".repeat(255);
    const response = await (await shop())("k", customerId);
    expect((await orderIn(response)).customerId).toBe(customerId);
  });
});

it.each([
  ["in the body", { coupon: "SUMMER" }, "/coupon"],
  ["named in another case", { customerid: "c" }, "/customerid"],
])("a member that is not known %s is 400 and named", async (_, more, path) => {
  const before = await rowCounts();
  const token = await tokenFor(newCustomer());
  const body = { lines: [{ sku, quantity: 1 }], ...more };
  const response = await call("POST", "/v1/orders", { token, body });
  const { errors = [] } = await problemOf(response);
  expect([response.status, errors.map((error) => error.path)]).toEqual([400, [path]]);
  expect(await rowCounts()).toEqual(before);
});

it("a member of a line that is not known is 400 and named", async () => {
  const token = await tokenFor(newCustomer());
  const body = { lines: [{ sku, quantity: 1, price: 0 }] };
  const response = await call("POST", "/v1/orders", { token, body });
  const { errors = [] } = await problemOf(response);
  expect([response.status, errors.map(({ path }) => path)]).toEqual([400, ["/lines/0/price"]]);
});

describe("invariant 8: a service's key", () => {
  it("gives the same order again, for the same customer", async () => {
    const [post, customerId] = [await shop(), newCustomer()];
    const first = await orderIn(await post("k", customerId));
    const again = await post("k", customerId);
    expect(again.headers.get("Idempotency-Replayed")).toBe("true");
    expect((await orderIn(again)).id).toBe(first.id);
  });

  it("with another customer is another order: 422", async () => {
    const sub = newCustomer();
    const [post, customerId] = [await shop(sub), newCustomer()];
    const { id } = await orderIn(await post("k", customerId));
    const before = await rowCounts();
    for (const other of [newCustomer(), sub, undefined]) {
      const response = await post("k", other);
      expect([response.status, (await problemOf(response)).code]).toEqual([
        422,
        "idempotency_key_reused",
      ]);
    }
    expect(await rowCounts()).toEqual(before);
    expect((await orderNow(id)).customerId).toBe(customerId);
  });

  it("is not another service's, nor the customer's own", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const own = () =>
      call("POST", "/v1/orders", {
        token,
        body: { lines: [{ sku, quantity: 1 }] },
        headers: { "Idempotency-Key": "k" },
      });
    const [one, two] = [await shop(), await shop()];
    const answers = [await one("k", customerId), await two("k", customerId), await own()];
    const ids = await Promise.all(answers.map(async (answer) => (await orderIn(answer)).id));
    expect(new Set(ids).size).toBe(3);
    const others = [await one("k2", newCustomer()), await two("k2", newCustomer())];
    expect(others.map(({ status }) => status)).toEqual([202, 202]);
  });

  it("of 40 orders for two customers at once is one order, the others 422 or its replay", async () => {
    const [post, ...customers] = [await shop(), newCustomer(), newCustomer()];
    const { orders } = await rowCounts();
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => post("k", customers[i % 2])),
    );
    const won = (await Promise.all(answers.map((answer) => orderIn(answer)))).filter(
      ({ id }) => id,
    );
    expect(won).toHaveLength(20);
    expect(new Set(won.map(({ id }) => id)).size).toBe(1);
    expect(answers.filter(({ status }) => status === 422)).toHaveLength(20);
    expect((await rowCounts())["orders"]).toBe(orders! + 1);
  });

  it("is judged by D1 where two desks commit at the same moment", async () => {
    const parts = { key: "k", keyOwner: newCustomer() };
    const [one, two] = [candidateFor(sku, parts), candidateFor(sku, parts)];
    const placements = await Promise.all(
      [one, two].map((each) => placeAll(env.DB, [each], POLICY, Date.now())),
    );
    const types = new Set(placements.map(([placement]) => placement?.type));
    expect(types).toEqual(new Set(["placed", "key_reused"]));
  });
});

describe("what a service may do to an order of somebody else", () => {
  const calls = [
    ["orders:read", "GET", ""],
    ["orders:cancel", "POST", "/cancel"],
    ["orders:pay", "POST", "/pay"],
  ] as const;

  it.each(calls)("%s: %s /v1/orders/:id%s", async (scope, method, action) => {
    const { id } = await pendingOrder();
    if (action === "/pay") await tamper(id, { status: "confirmed", awaits: null, due_at: null });
    for (const [other] of calls) {
      const token = await serviceToken(other);
      const response = await call(method, `/v1/orders/${id}${action}`, { token });
      const text = await response.text();
      expect([response.status, text.includes(scope)]).toEqual(
        other === scope ? [200, false] : [403, true],
      );
    }
  });

  it("is not told whether the order is there", async () => {
    const token = await serviceToken("stock:write");
    const missing = "01a20446-851e-72a5-baec-d2d124ce9e42";
    for (const id of [missing, (await pendingOrder()).id, "none"]) {
      expect((await call("GET", `/v1/orders/${id}`, { token })).status).toBe(403);
    }
  });

  it("does not place orders without orders:create, not even its own", async () => {
    const before = await rowCounts();
    const token = await serviceToken("orders:read stock:write");
    const body = { lines: [{ sku, quantity: 1 }] };
    const response = await call("POST", "/v1/orders", { token, body });
    expect(response.status).toBe(403);
    expect((await problemOf(response)).detail).toContain("orders:create");
    expect(await rowCounts()).toEqual(before);
  });

  it("reads and cancels its own orders without a further scope", async () => {
    const sub = newCustomer();
    const { id } = await orderIn(await (await shop(sub))(null, undefined));
    const token = await serviceToken("orders:create", sub);
    expect((await call("GET", `/v1/orders/${id}`, { token })).status).toBe(200);
    expect((await call("POST", `/v1/orders/${id}/cancel`, { token })).status).toBe(200);
  });
});
