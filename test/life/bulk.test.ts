import { beforeAll, describe, expect, test } from "vitest";
import type { StockLineResult } from "../../src/orders/http/bulk-stock.ts";
import { confirmed } from "./support/money.ts";
import { counters } from "./support/stock.ts";
import { migrate, newSku, OPERATOR, type World, worldOf } from "./support/world.ts";

beforeAll(migrate);

const DETAILS = { name: "Item", price: { amount: 100, currency: "EUR" } };

async function put(world: World, items: unknown[]) {
  const { status, body } = await world.call("POST", "/v1/items/bulk", {
    as: OPERATOR,
    body: { items },
  });
  return { status, body, results: body["results"] as StockLineResult[] };
}

async function change(world: World, changes: unknown[], key: string = crypto.randomUUID()) {
  const { status, body } = await world.call("POST", "/v1/stock/bulk", {
    as: OPERATOR,
    body: { changes },
    headers: { "Idempotency-Key": key },
  });
  return { status, body, results: body["results"] as StockLineResult[] };
}
const statuses = (results: StockLineResult[]) => results.map(({ status }) => status);

describe("many items in one call", () => {
  test("each line has its outcome, and a bad one stops no other", async () => {
    const world = await worldOf();
    const [known, fresh, archived] = [await world.stocked(3), newSku(), await world.stocked(0)];
    await world.call("DELETE", `/v1/items/${archived}`, { as: OPERATOR });
    const { status, results } = await put(world, [
      { sku: known, ...DETAILS, name: "Another name" },
      { sku: fresh, ...DETAILS, status: "draft", saleStartsAt: "2027-01-01T00:00:00+01:00" },
      { sku: archived, ...DETAILS },
      { sku: fresh, ...DETAILS },
      { sku: "no sku!", ...DETAILS },
      { sku: newSku(), ...DETAILS, price: { amount: 1.5, currency: "ZZZ" } },
      { sku: newSku(), ...DETAILS, colour: "red" },
      "a line",
    ]);
    expect(status).toBe(200);
    expect(statuses(results)).toEqual([200, 201, 200, 400, 400, 400, 400, 400]);
    expect(results[3]?.errors).toEqual([{ path: "/sku", message: "is in line 1 already" }]);
    expect(results[5]?.errors?.map(({ path }) => path)).toEqual([
      "/price/amount",
      "/price/currency",
    ]);
    expect(results[6]?.errors?.[0]?.path).toBe("/colour");
    const shown = await world.call("GET", `/v1/items/${known}`);
    expect(shown.body).toMatchObject({ name: "Another name", available: 3 });
    expect((await world.call("GET", `/v1/items/${archived}`)).status).toBe(200);
    expect((await world.call("GET", `/v1/items/${fresh}`)).status).toBe(404);
  });

  test("what does not change raises no revision", async () => {
    const world = await worldOf();
    const sku = newSku();
    const etag = async () => (await world.call("GET", `/v1/items/${sku}`)).headers.get("ETag");
    await put(world, [{ sku, ...DETAILS }]);
    const before = await etag();
    await put(world, [{ sku, ...DETAILS }]);
    expect(await etag()).toBe(before);
    await put(world, [{ sku, ...DETAILS, limitPerCustomer: 1 }]);
    expect(await etag()).not.toBe(before);
    const limited = await etag();
    await put(world, [{ sku, ...DETAILS, limitPerCustomer: 1, paymentWindowSeconds: 60 }]);
    expect(await etag()).not.toBe(limited);
    const { body } = await world.call("GET", `/v1/items/${sku}`);
    expect(body).toMatchObject({ limitPerCustomer: 1, paymentWindowSeconds: 60 });
  });

  test.each([[[]], [Array.from({ length: 501 }, () => ({}))]])(
    "%# lines are too few or too many",
    async (items) => {
      expect((await put(await worldOf(), items)).status).toBe(400);
    },
  );
});

describe("the stock of many items in one call", () => {
  test("each line has its outcome, and a repeat changes nothing", async () => {
    const world = await worldOf();
    const [a, b, c] = [await world.stocked(5), await world.stocked(5), await world.stocked(5)];
    const { sku: held, id } = await confirmed(world);
    const changes = [
      { sku: a, delta: 3 },
      { sku: b, unsold: 9, expected: 5, reason: "hourly" },
      { sku: c, unsold: 9, expected: 4 },
      { sku: held, unsold: 1, expected: 5 },
      { sku: "UNKNOWN", delta: 1 },
      { sku: a, delta: 1 },
      { sku: newSku(), delta: 0 },
      { sku: c },
    ];
    const first = await change(world, changes, "k");
    expect(statuses(first.results)).toEqual([200, 200, 409, 409, 404, 400, 400, 400]);
    expect(first.results.map(({ code }) => code)).toEqual([
      undefined,
      undefined,
      "stock_changed",
      "insufficient_available",
      "not_found",
      "invalid_request",
      "invalid_request",
      "invalid_request",
    ]);
    expect(first.results[3]).toMatchObject({ affected: [id], level: { held: 2 } });
    const again = await change(world, changes, "k");
    expect(statuses(again.results)).toEqual(statuses(first.results));
    expect(again.results.map(({ replayed }) => replayed ?? false)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
    expect(await counters(a)).toMatchObject({ available: 8 });
    expect(await counters(b)).toMatchObject({ available: 9 });
    expect((await world.call("GET", `/v1/items/${b}`)).body["available"]).toBe(9);
  });

  test("a key with another change of an item is refused in that line", async () => {
    const world = await worldOf();
    const [a, b] = [await world.stocked(1), await world.stocked(1)];
    await change(world, [{ sku: a, delta: 1 }], "other");
    const { results } = await change(
      world,
      [
        { sku: a, delta: 2 },
        { sku: b, delta: 2 },
      ],
      "other",
    );
    expect(results.map(({ code }) => code)).toEqual(["idempotency_key_reused", undefined]);
    expect(await counters(a)).toMatchObject({ available: 2 });
  });

  test("an item that does not answer is 503 in its line; a repeat with the key finishes it once", async () => {
    const world = await worldOf();
    const [a, b] = [await world.stocked(0), await world.stocked(0)];
    const real = world.env.STOCK;
    const away = await worldOf({
      stock: {
        async adjustMany(all) {
          const [answer] = await real.adjustMany(all.slice(0, 1));
          // The second one has done it, and its answer is lost.
          await real.adjustMany(all.slice(1));
          return [answer ?? null, null];
        },
      },
    });
    const changes = [
      { sku: a, delta: 4 },
      { sku: b, delta: 4 },
    ];
    const first = await change(away, changes, "lost");
    expect(first.results.map(({ code }) => code)).toEqual([undefined, "unavailable"]);
    const again = await change(await worldOf(), changes, "lost");
    expect(statuses(again.results)).toEqual([200, 200]);
    for (const sku of [a, b]) expect(await counters(sku)).toMatchObject({ available: 4 });
  });

  test("two overlapping syncs of 40 on the shelf do not make 30", async () => {
    const world = await worldOf();
    const skus = await Promise.all(Array.from({ length: 20 }, () => world.stocked(50)));
    const counted = skus.map((sku) => ({ sku, unsold: 40, expected: 50 }));
    const both = await Promise.all([change(world, counted), change(world, counted)]);
    for (const [i, sku] of skus.entries()) {
      const codes = both.map(({ results }) => results[i]?.status ?? 0).toSorted((a, b) => a - b);
      expect(codes).toEqual([200, 409]);
      expect(await counters(sku)).toMatchObject({ available: 40, received: 40 });
    }
  });

  test("needs a key, and the scope", async () => {
    const world = await worldOf();
    const body = { changes: [{ sku: "A", delta: 1 }] };
    const without = await world.call("POST", "/v1/stock/bulk", { as: OPERATOR, body });
    expect([without.status, without.body.code]).toEqual([400, "idempotency_key_required"]);
  });
});
