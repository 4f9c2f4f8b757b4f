import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { StockItem } from "../../src/stock/item/stock-item.ts";
import { StockApi } from "../../src/stock/worker.ts";
import { eventually } from "../support/eventually.ts";
import { counters, deliver, expectSettled, ledgerOf, settleAll } from "./support/stock.ts";
import { migrate, newCustomer, orderNow, WAIT, worldOf } from "./support/world.ts";

beforeAll(migrate);
afterEach(() => vi.restoreAllMocks());

const absent = {
  execute: async () => {
    throw new Error("the stock Worker is absent");
  },
};

describe("POST /v1/orders with Prefer: wait", () => {
  test("answers 201 with the confirmed order, and enqueues nothing", async () => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const { status, headers, body } = await world.place(
      newCustomer(),
      [{ sku, quantity: 2 }],
      WAIT,
    );
    expect(status).toBe(201);
    expect(body).toMatchObject({ status: "confirmed", revision: 2, lines: [{ sku, quantity: 2 }] });
    expect(headers.get("Location")).toBe(`/v1/orders/${body.id}`);
    expect(headers.get("Preference-Applied")).toBe("wait=5");
    expect(headers.get("Vary")).toBe("Prefer");
    // Only its time to pay is still to come.
    const { awaits, dueAt_ms, payBy_ms } = await orderNow(body.id);
    expect([awaits, dueAt_ms]).toEqual([null, payBy_ms]);
    expect(await counters(sku)).toMatchObject({ available: 3, held: 2 });
    expect(world.messages()).toBe(0);
  });

  test.each([
    ["out_of_stock", { available: 1, ask: 2 }, {}],
    ["limit_exceeded", { available: 5, ask: 2 }, { limitPerCustomer: 1 }],
  ] as const)(
    "answers 409 %s with the order and its shortages, and enqueues nothing",
    async (code, { available, ask }, details) => {
      const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
      const sku = await world.stocked(available, details);
      const shortages = [{ sku, requested: ask, available, reason: code }];
      const { status, headers, body } = await world.place(
        newCustomer(),
        [{ sku, quantity: ask }],
        WAIT,
      );
      expect([status, body.code]).toEqual([409, code]);
      expect(headers.get("Content-Type")).toBe("application/problem+json");
      expect(body.shortages).toEqual(shortages);
      expect(body.order).toMatchObject({ status: "cancelled", reason: code, shortages });
      expect(headers.get("Location")).toBe(`/v1/orders/${body.order?.id}`);
      expect(headers.get("Preference-Applied")).toBe("wait=5");
      expect(headers.get("Vary")).toBe("Prefer");
      expect(await orderNow(body.order?.id ?? "")).toMatchObject({ awaits: null, revision: 2 });
      expect(world.messages()).toBe(0);
    },
  );

  test("invariant 5: gives the other lines back when one is refused, before it answers", async () => {
    const world = await worldOf({ vars: { SOLD_OUT_GATE: "off" } });
    const [there, gone] = [await world.stocked(5), await world.stocked(0)];
    const lines = [there, gone].map((sku) => ({ sku, quantity: 1 }));
    const { status, body } = await world.place(newCustomer(), lines, WAIT);
    expect([status, body.shortages?.map(({ sku }) => sku)]).toEqual([409, [gone]]);
    expect(await ledgerOf(there)).toEqual(["receive", "lock", "release"]);
    expect(world.messages()).toBe(0);
  });

  test("answers a refusal at the door without an order, saying that it would have waited", async () => {
    const world = await worldOf();
    const sku = await world.stocked(1);
    const { status, headers, body } = await world.place(
      newCustomer(),
      [{ sku, quantity: 2 }],
      WAIT,
    );
    expect([status, body.code, body.order]).toEqual([409, "out_of_stock", undefined]);
    expect(headers.get("Location")).toBeNull();
    expect(headers.get("Preference-Applied")).toBe("wait=5");
    expect(headers.get("Vary")).toBe("Prefer");
  });

  test("answers 202 at once when the stock Worker throws, and the queue settles the order", async () => {
    const sku = await (await worldOf()).stocked(5);
    const world = await worldOf({ stock: absent });
    const start_ms = Date.now();
    const { status, headers, body } = await world.place(
      newCustomer(),
      [{ sku, quantity: 1 }],
      WAIT,
    );
    // It would wait for 5 s.
    expect(Date.now() - start_ms).toBeLessThan(4_500);
    expect([status, body.status]).toEqual([202, "pending"]);
    expect(headers.get("Preference-Applied")).toBe("wait=5");
    await eventually(() => expect(world.sent).toHaveLength(1));
    expect(world.sent[0]).toMatchObject({ type: "order.placed", orderId: body.id });
    const { outcomes } = await deliver(world.sent);
    await settleAll(outcomes);
    await expectSettled(sku, [body.id]);
  });

  test("answers 202 when the time is up; the lane goes on, settles, and enqueues nothing", async () => {
    let answer = () => {};
    const world = await worldOf({
      stock: {
        ...stockApi(),
        async execute(events, within_ms) {
          await new Promise<void>((resolve) => (answer = resolve));
          return env.STOCK.execute(events, within_ms);
        },
      },
    });
    const sku = await world.stocked(5);
    const start_ms = Date.now();
    const { status, body } = await world.place(newCustomer(), [{ sku, quantity: 1 }], {
      Prefer: "wait=1",
    });
    const took_ms = Date.now() - start_ms;
    expect([status, body.status]).toEqual([202, "pending"]);
    expect(took_ms).toBeGreaterThan(900);
    // Nothing else here ends sooner than after 5 s.
    expect(took_ms).toBeLessThan(4_500);
    answer();
    await eventually(async () => {
      expect(await orderNow(body.id)).toMatchObject({ status: "confirmed" });
    });
    expect(world.messages()).toBe(0);
  });

  test("takes concurrent waiting orders of one desk in groups, with one call per SKU and group", async () => {
    const execute = vi.spyOn(StockApi.prototype, "execute");
    const apply = vi.spyOn(StockItem.prototype, "apply");
    const world = await worldOf();
    const skus = [await world.stocked(100), await world.stocked(100)];
    const lines = skus.map((sku) => ({ sku, quantity: 1 }));
    const answers = await Promise.all(
      Array.from({ length: 50 }, () => world.place(newCustomer(), lines, WAIT)),
    );
    expect(answers.every(({ status }) => status === 201)).toBe(true);
    const groups = execute.mock.calls.length;
    // The first goes alone; those that came while it was committed go together.
    expect(groups).toBeLessThanOrEqual(4);
    expect(execute.mock.calls.map(([events]) => events.length).reduce((a, b) => a + b)).toBe(50);
    for (const sku of skus) {
      expect(apply.mock.calls.filter(([called]) => called === sku)).toHaveLength(groups);
      await expectSettled(
        sku,
        answers.map(({ body }) => body.id),
      );
    }
    expect(world.messages()).toBe(0);
  });
});

/** What a world without a stock Worker of its own calls, for those that replace only a part. */
const stockApi = (): Pick<StockApi, "adjust" | "levels"> => ({
  adjust: (sku, adjustment) => env.STOCK.adjust(sku, adjustment),
  levels: (skus) => env.STOCK.levels(skus),
});

describe("POST /v1/orders without wait", () => {
  test.each([
    ["no preference", {}, null],
    ["respond-async", { Prefer: "respond-async" }, "respond-async"],
    ["a malformed wait", { Prefer: "wait=soon" }, null],
    ["a wait of 0", { Prefer: "wait=0" }, null],
  ] as const)("%s: answers 202 and leaves the order to the queue", async (_, headers, applied) => {
    const execute = vi.spyOn(StockApi.prototype, "execute");
    const world = await worldOf();
    const sku = await world.stocked(1);
    const answer = await world.place(newCustomer(), [{ sku, quantity: 1 }], headers);
    expect([answer.status, answer.body.status]).toEqual([202, "pending"]);
    expect(answer.headers.get("Preference-Applied")).toBe(applied);
    expect(answer.headers.get("Vary")).toBe("Prefer");
    expect(answer.headers.get("Location")).toBe(`/v1/orders/${answer.body.id}`);
    await eventually(() => expect(world.sent).toHaveLength(1));
    expect(execute).not.toHaveBeenCalled();
  });

  test("in a batch with waiting orders, only those that do not wait are enqueued", async () => {
    const world = await worldOf();
    const sku = await world.stocked(20);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        world.place(newCustomer(), [{ sku, quantity: 1 }], i % 2 === 0 ? WAIT : {}),
      ),
    );
    const unsettled = answers.filter(({ status }) => status === 202).map(({ body }) => body.id);
    expect(unsettled).toHaveLength(10);
    await eventually(() => expect(world.sent).toHaveLength(10));
    expect(world.sent.map(({ orderId }) => orderId).toSorted()).toEqual(unsettled.toSorted());
  });
});
