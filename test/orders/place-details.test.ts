import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import { placeAll } from "../../src/orders/place/placement.sql.ts";
import { addItem, candidateFor, orderNow, POLICY } from "./support/data.ts";
import { call, migrate, newCustomer, problemOf, rowCounts, tokenFor } from "./support/worker.ts";

/** What an order has besides its lines: the amount due, metadata, what the buyer expects to pay. */

beforeAll(migrate);

let sku: string;
let shop: string;
beforeEach(async () => {
  sku = await addItem({ amount: 300 });
  shop = await tokenFor("shop", { scope: "orders:create" });
});

interface Placing {
  token?: string;
  key?: string;
  [member: string]: unknown;
}

async function place({ token = shop, key, ...more }: Placing = {}) {
  const body = { lines: [{ sku, quantity: 2 }], ...more };
  const headers = key === undefined ? {} : { "Idempotency-Key": key };
  const response = await call("POST", "/v1/orders", { token, body, headers });
  return { status: response.status, order: (await response.clone().json()) as OrderView, response };
}

async function refused(more: Placing, status: number): Promise<string[]> {
  const before = await rowCounts();
  const { response } = await place(more);
  expect(response.status).toBe(status);
  const { errors = [] } = await problemOf(response);
  expect(await rowCounts()).toEqual(before);
  return errors.map(({ path }) => path);
}

describe("metadata", () => {
  it("is kept and returned, in whatever order", async () => {
    const metadata = { cart: "7", größe: "M 👕", empty: "" };
    const { status, order } = await place({ metadata });
    expect([status, order.metadata]).toEqual([202, metadata]);
    const read = await call("GET", `/v1/orders/${order.id}`, { token: shop });
    expect(((await read.json()) as OrderView).metadata).toEqual(metadata);
    expect((await place()).order).not.toHaveProperty("metadata");
  });

  it("may be a customer's", async () => {
    const token = await tokenFor(newCustomer());
    expect((await place({ token, metadata: { gift: "yes" } })).status).toBe(202);
  });

  const pairs = (n: number, value = "x") =>
    Object.fromEntries(Array.from({ length: n }, (_, i) => [`name ${i}`, value]));

  it("has 20 pairs and 4 KB at most", async () => {
    expect((await place({ metadata: pairs(20) })).status).toBe(202);
    expect(await refused({ metadata: pairs(21) }, 400)).toEqual(["/metadata"]);
    const filled = { a: "x".repeat(4_096 - '{"a":""}'.length) };
    expect((await place({ metadata: filled })).status).toBe(202);
    expect(await refused({ metadata: { a: `${filled.a}x` } }, 400)).toEqual(["/metadata"]);
    // In bytes, not characters.
    expect(await refused({ metadata: { a: "é".repeat(2_048) } }, 400)).toEqual(["/metadata"]);
  });

  it.each([
    ["a list", ["x"]],
    ["a text", "x"],
    ["null", null],
    ["a number as a value", { a: 1 }],
    ["an object as a value", { a: {} }],
    ["no name", { "": "x" }],
    ["a name of 65 characters", { ["n".repeat(65)]: "x" }],
    ["a name that would be dropped", { constructor: "x" }],
  ])("is not %s", async (_, metadata) => {
    expect((await refused({ metadata }, 400))[0]).toMatch(/^\/metadata/);
  });

  it("is not a prototype or half a character", async () => {
    for (const json of ['{"__proto__":"x"}', '{"a":"\\ud800"}']) {
      const body = `{"lines":[{"sku":"${sku}","quantity":1}],"metadata":${json}}`;
      const response = await call("POST", "/v1/orders", { token: shop, body });
      expect(response.status).toBe(400);
    }
  });
});

describe("amountDue", () => {
  it("is the total unless a service says otherwise", async () => {
    expect((await place()).order).toMatchObject({ total: { amount: 600 }, amountDue: 600 });
    expect((await place({ amountDue: 745 })).order).toMatchObject({
      total: { amount: 600 },
      amountDue: 745,
    });
  });

  it("is a service's: 403 for a customer, and for a service without the scope", async () => {
    for (const token of [
      await tokenFor(newCustomer()),
      await tokenFor("till", { scope: "orders:pay" }),
    ]) {
      expect((await place({ token, amountDue: 600 })).response.status).toBe(403);
    }
  });

  it.each([-1, 0.5, "600", null, 1e15])("is not %j", async (amountDue) => {
    expect(await refused({ amountDue }, 400)).toEqual(["/amountDue"]);
  });
});

describe("expect", () => {
  const expected = (amount: number, currency = "EUR") => ({ expect: { amount, currency } });

  it("lets the order pass that costs so much", async () => {
    expect((await place(expected(600))).status).toBe(202);
    // It is about the total, which the buyer was shown, not about what is due with shipping.
    expect((await place({ ...expected(600), amountDue: 745 })).status).toBe(202);
  });

  it.each([
    [599, "EUR"],
    [601, "EUR"],
    [600, "USD"],
  ])(
    "%i %s is refused with the real total: no row, and the key stays free",
    async (amount, currency) => {
      const before = await rowCounts();
      const key = crypto.randomUUID();
      const { response } = await place({ key, ...expected(amount, currency) });
      const problem = await problemOf(response);
      expect([problem.status, problem.code, problem["total"]]).toEqual([
        409,
        "price_changed",
        { amount: 600, currency: "EUR" },
      ]);
      expect(await rowCounts()).toEqual(before);
      expect((await place({ key, ...expected(600) })).status).toBe(202);
    },
  );

  it("comes after every other refusal", async () => {
    const closed = await addItem({ amount: 300, saleEndsAt_ms: 1 });
    const soldOut = await addItem({ amount: 300, available: 0, levelAge_ms: 0 });
    for (const [other, code] of [
      [closed, "sale_not_open"],
      [soldOut, "out_of_stock"],
      ["NOWHERE", "unknown_item"],
    ]) {
      const lines = [{ sku: other, quantity: 1 }];
      const { response } = await place({ lines, ...expected(1) });
      expect((await problemOf(response)).code).toBe(code);
    }
  });

  it.each([
    [{ amount: 600 }, "/expect/currency"],
    [{ amount: 600, currency: "EUR", tax: 1 }, "/expect/tax"],
    [{ amount: -1, currency: "EUR" }, "/expect/amount"],
  ])("is not %j", async (value, path) => {
    expect(await refused({ expect: value }, 400)).toEqual([path]);
  });
});

describe("invariant 8: the same order, for its key", () => {
  const first = { customerId: "bea", metadata: { a: "1", b: "2" }, amountDue: 700 };

  it("has the same customer, lines, amount due and metadata; what was expected does not count", async () => {
    const key = crypto.randomUUID();
    const { order } = await place({ key, ...first, expect: { amount: 600, currency: "EUR" } });
    for (const same of [
      first,
      { ...first, metadata: { b: "2", a: "1" } },
      { ...first, expect: { amount: 1, currency: "USD" } },
    ]) {
      const again = await place({ key, ...same });
      expect([again.status, again.order.id]).toEqual([202, order.id]);
      expect(again.response.headers.get("Idempotency-Replayed")).toBe("true");
    }
  });

  it.each([
    ["customer", { customerId: "cid" }],
    ["amount due", { amountDue: 701 }],
    ["metadata", { metadata: { a: "1" } }],
    ["value in the metadata", { metadata: { a: "1", b: "3" } }],
    ["name in the metadata", { metadata: { a: "1", c: "2" } }],
  ])("has no other %s: 422", async (_, parts) => {
    const key = crypto.randomUUID();
    await place({ key, ...first });
    expect((await place({ key, ...first, ...parts })).status).toBe(422);
  });

  it("with the total as its amount due is the same as without one", async () => {
    const key = crypto.randomUUID();
    const { order } = await place({ key });
    expect((await place({ key, amountDue: 600 })).order.id).toBe(order.id);
    // Also once the price has changed: the order keeps its own.
    await env.DB.prepare("UPDATE items SET price_amount = 1 WHERE sku = ?").bind(sku).run();
    expect((await place({ key })).order.id).toBe(order.id);
    expect((await place({ key, amountDue: 2 })).status).toBe(422);
  });
});

describe("who did it", () => {
  it("is in the history: the customer, or the service that ordered", async () => {
    const customer = newCustomer();
    const own = (await place({ token: await tokenFor(customer) })).order;
    const served = (await place({ customerId: customer })).order;
    const actors = await Promise.all(
      [own, served].map(async ({ id }) => (await orderNow(id)).history[0]?.actor),
    );
    expect(actors).toEqual([
      { kind: "customer", sub: customer },
      { kind: "service", sub: "shop" },
    ]);
  });

  it("is unknown of an order that an earlier version sends to its desk", async () => {
    const { actor: _, ...candidate } = { actor: null, ...candidateFor(sku, {}) };
    await placeAll(env.DB, [candidate], POLICY, Date.now());
    const token = await tokenFor("op", { scope: "operator" });
    const path = `/v1/operations/orders/${candidate.id}/history`;
    const response = await call("GET", path, { token });
    const { transitions } = (await response.json()) as { transitions: { actor: unknown }[] };
    expect(transitions[0]?.actor).toBeNull();
  });
});
