import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type Placement, placeAll } from "../../src/orders/place/placement.sql.ts";
import { addItem, candidateFor, newSku, place, POLICY } from "./support/data.ts";
import { migrate, rowCounts } from "./support/worker.ts";

beforeAll(migrate);

const line = (sku: string, quantity = 1) => ({ sku, quantity });
const refusalOf = (placement: Placement) =>
  placement.type === "refused" ? placement.refusal : placement.type;

describe("at the door", () => {
  it("an unknown item is refused with the SKUs that are unknown, and nothing is written", async () => {
    const [known, ghost, phantom] = [await addItem(), newSku(), newSku()];
    const before = await rowCounts();
    const lines = [line(known), line(ghost), line(phantom)];
    const placement = await place(candidateFor(known, { lines, key: "k" }));
    expect(refusalOf(placement)).toEqual({ code: "unknown_item", skus: [ghost, phantom] });
    expect(await rowCounts()).toEqual(before);
  });

  it("items of two currencies are refused", async () => {
    const lines = [line(await addItem()), line(await addItem({ currency: "USD" }))];
    const placement = await place(candidateFor("", { lines }));
    expect(refusalOf(placement)).toEqual({ code: "mixed_currencies" });
  });

  it("a bad order does not stop the good ones of its batch", async () => {
    const sku = await addItem();
    const orders = [candidateFor(sku), candidateFor(newSku()), candidateFor(sku)];
    const placements = await placeAll(env.DB, orders, POLICY, Date.now());
    expect(placements.map(({ type }) => type)).toEqual(["placed", "refused", "placed"]);
  });

  it("names, prices, limits and the total come from the catalogue", async () => {
    const first = await addItem({ amount: 300, limitPerCustomer: 4 });
    const second = await addItem({ amount: 45 });
    const placement = await place(candidateFor("", { lines: [line(second, 10), line(first, 2)] }));
    expect(placement).toMatchObject({
      type: "placed",
      order: {
        status: "pending",
        revision: 1,
        awaits: "lock",
        total: { amount: 1_050, currency: "EUR" },
        lines: [
          { sku: second, name: `The ${second}`, quantity: 10, limitPerCustomer: null },
          { sku: first, price: { amount: 300, currency: "EUR" }, limitPerCustomer: 4 },
        ],
      },
    });
  });

  it("a new order is due 30 s after it was placed, and its history begins", async () => {
    const placement = await place(candidateFor(await addItem()), { now_ms: 1_000_000 });
    expect(placement).toMatchObject({
      order: {
        placedAt_ms: 1_000_000,
        updatedAt_ms: 1_000_000,
        dueAt_ms: 1_030_000,
        history: [{ revision: 1, status: "pending", reason: null, at_ms: 1_000_000 }],
      },
    });
  });
});

describe("the sale window at the door", () => {
  const NOW = 1_000_000;
  const at = (saleStartsAt_ms: number | null, saleEndsAt_ms: number | null) =>
    addItem({ saleStartsAt_ms, saleEndsAt_ms });

  it.each([
    ["starts now", NOW, null, "placed"],
    ["starts in a moment", NOW + 1, null, "sale_not_open"],
    ["ends in a moment", null, NOW + 1, "placed"],
    ["ends now", null, NOW, "sale_not_open"],
    ["is over", NOW - 10, NOW - 5, "sale_not_open"],
    ["is on", NOW - 10, NOW + 10, "placed"],
  ])("a sale that %s", async (_name, starts, ends, expected) => {
    const placement = await place(candidateFor(await at(starts, ends)), { now_ms: NOW });
    const refusal = refusalOf(placement);
    expect(typeof refusal === "string" ? refusal : refusal.code).toBe(expected);
  });

  it("of several items is where their windows overlap", async () => {
    const lines = [
      line(await at(NOW + 10, NOW + 90)),
      line(await at(NOW + 20, null)),
      line(await at(null, NOW + 80)),
    ];
    const placement = await place(candidateFor("", { lines }), { now_ms: NOW });
    expect(refusalOf(placement)).toEqual({
      code: "sale_not_open",
      saleStartsAt: new Date(NOW + 20).toISOString(),
      saleEndsAt: new Date(NOW + 80).toISOString(),
    });
  });
});

describe("the sold-out gate", () => {
  it("refuses what the read model says cannot be filled, and writes nothing", async () => {
    const sku = await addItem({ available: 2, levelAge_ms: 1_000 });
    const before = await rowCounts();
    const placement = await place(candidateFor(sku, { lines: [line(sku, 3)], key: "k" }));
    expect(refusalOf(placement)).toEqual({
      code: "out_of_stock",
      shortages: [{ sku, requested: 3, available: 2, reason: "out_of_stock" }],
      closes_ms: null,
    });
    expect(await rowCounts()).toEqual(before);
  });

  it("lets an order through that just fits", async () => {
    const sku = await addItem({ available: 3, levelAge_ms: 1_000 });
    expect((await place(candidateFor(sku, { lines: [line(sku, 3)] }))).type).toBe("placed");
  });

  it("invariant 3: acts only on a level confirmed in the last 90 s", async () => {
    const now_ms = Date.now();
    const young = await addItem({ available: 0, levelAge_ms: 60_000 });
    const old = await addItem({ available: 0, levelAge_ms: 91_000 });
    const unknown = await addItem({ available: 0, levelAge_ms: null });
    expect((await place(candidateFor(young), { now_ms })).type).toBe("refused");
    expect((await place(candidateFor(old), { now_ms })).type).toBe("placed");
    expect((await place(candidateFor(unknown), { now_ms })).type).toBe("placed");
  });

  it("names only the lines that are short, and refuses the whole order for one of them", async () => {
    const short = await addItem({ available: 1, levelAge_ms: 0 });
    const plenty = await addItem({ available: 9, levelAge_ms: 0 });
    const stale = await addItem({ available: 0, levelAge_ms: 100_000 });
    const lines = [line(plenty, 2), line(short, 2), line(stale, 2)];
    expect(refusalOf(await place(candidateFor("", { lines })))).toMatchObject({
      code: "out_of_stock",
      shortages: [{ sku: short, requested: 2, available: 1 }],
    });
  });

  it("switched off, lets everything through", async () => {
    const sku = await addItem({ available: 0, levelAge_ms: 0 });
    const policy = { ...POLICY, isGateOn: false };
    expect((await place(candidateFor(sku), { policy })).type).toBe("placed");
  });
});
