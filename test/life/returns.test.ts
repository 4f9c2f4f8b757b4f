import { env } from "cloudflare:workers";
import { v7 } from "uuid";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { OrderView } from "../../src/orders/order/order.ts";
import type { ReturnView } from "../../src/orders/order/return.ts";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { POLICY } from "../support/order.ts";
import { compareAll } from "./support/differences.ts";
import { confirmed, settleDown } from "./support/money.ts";
import { passAt, stockLane } from "./support/reconcile.ts";
import { DAY_MS } from "./support/rows.ts";
import { counters, expectLegalHistory, expectSettled, ledgerOf } from "./support/stock.ts";
import {
  migrate,
  newCustomer,
  OPERATOR,
  orderNow,
  WAIT,
  type World,
  worldOf,
} from "./support/world.ts";

beforeAll(migrate);

interface Body {
  lines: { sku: string; quantity: number }[];
  restock?: boolean;
  reason?: string;
}

async function giveBack(
  world: World,
  id: string,
  { lines, restock = true, reason = "did not fit" }: Body,
  key = v7(),
) {
  const answer = await world.call("POST", `/v1/orders/${id}/returns`, {
    as: OPERATOR,
    body: { lines, restock, reason },
    headers: { "Idempotency-Key": key },
  });
  const { status, headers, body } = answer;
  return {
    status,
    code: body.code,
    made: body["return"] as ReturnView,
    order: body.order as OrderView,
    isReplay: headers.get("Idempotency-Replayed") === "true",
  };
}

/** An order of two units, paid; `isCommitted`: stock knows. */
async function paid(world: World, isCommitted = true) {
  const made = await confirmed(world);
  await world.pay(made.id);
  if (isCommitted) await settleDown(world);
  return made;
}

/** Sends what is due to the items. */
const passNow = (vars: Partial<OrdersEnv>) => passAt(Date.now() + 100, { vars });

describe("a return of a paid order", () => {
  test("is a revision and a step of its history, and brings the units back", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const { status, made, order } = await giveBack(world, id, { lines: [{ sku, quantity: 1 }] });
    expect(status).toBe(201);
    const actor = { kind: "service", sub: OPERATOR };
    expect(made).toMatchObject({ orderId: id, lines: [{ sku, quantity: 1 }], restock: true });
    expect(made).toMatchObject({ reason: "did not fit", state: "pending", actor });
    expect(order).toMatchObject({ status: "paid", revision: 4, lines: [{ sku, returned: 1 }] });
    await passNow(world.env);
    expect(await counters(sku)).toEqual({ received: 5, available: 4, held: 0, sold: 1 });
    expect(await ledgerOf(sku)).toEqual(["receive", "lock", "commit", "return"]);
    const now = await orderNow(id);
    expectLegalHistory(now);
    expect(now.history.at(-1)).toMatchObject({ step: "returned", status: "paid", actor });
    const { body } = await world.call("GET", `/v1/orders/${id}/returns`, { as: OPERATOR });
    expect(body["returns"]).toEqual([{ ...made, state: "applied" }]);
  });

  test("is sent at once, also when it was recorded by a clock that runs ahead", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const now_ms = Date.now();
    vi.useFakeTimers({ toFake: ["Date"], now: now_ms + DAY_MS });
    expect((await giveBack(world, id, { lines: [{ sku, quantity: 1 }] })).status).toBe(201);
    vi.useRealTimers();
    await passNow(world.env);
    expect(await counters(sku)).toMatchObject({ available: 4, sold: 1 });
  });

  test("several over time make it returned, once all its units are back", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const one = { lines: [{ sku, quantity: 1 }] };
    const before = await orders(world);
    expect((await giveBack(world, id, one)).order.status).toBe("paid");
    expect((await giveBack(world, id, { ...one, restock: false })).order).toMatchObject({
      status: "returned",
      revision: 5,
      lines: [{ returned: 2 }],
    });
    const third = await giveBack(world, id, one);
    expect([third.status, third.code]).toEqual([409, "return_exceeds_sold"]);
    await passNow(world.env);
    await expectSettled(sku, [id]);
    expect(await counters(sku)).toEqual({ received: 4, available: 4, held: 0, sold: 0 });
    const after = await orders(world);
    expect(after).toEqual({ ...before, paid: before.paid! - 1, returned: before.returned! + 1 });
    expect(await differencesAt(sku)).toEqual([]);
  });

  test("is listed as returned, and no more as paid", async () => {
    const world = await worldOf();
    const { sku, id, customer } = await paid(world);
    const listed = async (status: string) => {
      const own = await world.call("GET", `/v1/orders?status=${status}`, { as: customer });
      const path = `/v1/operations/orders?status=${status}`;
      const all = await world.call("GET", path, { as: OPERATOR });
      const ids = (body: unknown) => (body as { orders: OrderView[] }).orders.map((o) => o.id);
      expect(ids(all.body).includes(id)).toBe(ids(own.body).includes(id));
      return ids(own.body);
    };
    await giveBack(world, id, { lines: [{ sku, quantity: 1 }] });
    expect([await listed("paid"), await listed("returned")]).toEqual([[id], []]);
    await giveBack(world, id, { lines: [{ sku, quantity: 1 }] });
    expect([await listed("paid"), await listed("returned")]).toEqual([[], [id]]);
  });

  test("a key stays taken while its return is kept, also when its order is deleted already", async () => {
    const world = await worldOf();
    const [old, other] = [await paid(world), await paid(world)];
    await giveBack(world, old.id, { lines: [{ sku: old.sku, quantity: 1 }] }, "key-old");
    await settleDown(world);
    await env.DB.prepare("DELETE FROM orders WHERE id = ?").bind(old.id).run();
    const lines = [{ sku: other.sku, quantity: 1 }];
    const { status, code } = await giveBack(world, other.id, { lines }, "key-old");
    expect([status, code]).toEqual([422, "idempotency_key_reused"]);
  });

  test("repeated with its key is the same return; another body with the key is refused", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const other = await paid(world);
    const body = { lines: [{ sku, quantity: 1 }] };
    const first = await giveBack(world, id, body, "key-1");
    const again = await giveBack(world, id, body, "key-1");
    expect([again.status, again.isReplay, again.made]).toEqual([200, true, first.made]);
    expect(again.order).toMatchObject({ revision: 4, lines: [{ returned: 1 }] });
    for (const [order, changed] of [
      [id, { ...body, restock: false }],
      [id, { ...body, reason: "other" }],
      [id, { lines: [{ sku, quantity: 2 }] }],
      [other.id, body],
    ] satisfies [string, Body][]) {
      const { status, code } = await giveBack(world, order, changed, "key-1");
      expect([status, code]).toEqual([422, "idempotency_key_reused"]);
    }
    await passNow(world.env);
    await passNow(world.env);
    await expectSettled(sku, [id]);
    await expectSettled(other.sku, [other.id]);
  });

  test.each([
    ["more units than were sold", (sku: string) => [{ sku, quantity: 3 }]],
    ["an item that it does not have", () => [{ sku: "other", quantity: 1 }]],
    [
      "one good line and a bad one",
      (sku: string) => [
        { sku, quantity: 1 },
        { sku: "x", quantity: 1 },
      ],
    ],
    [
      "lines that are too many together",
      (sku: string) => [
        { sku, quantity: 2 },
        { sku, quantity: 1 },
      ],
    ],
  ])("of %s is refused and changes nothing", async (_, lines) => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const key = v7();
    const { status, code, order } = await giveBack(world, id, { lines: lines(sku) }, key);
    expect([status, code, order.revision]).toEqual([409, "return_exceeds_sold", 3]);
    expect((await giveBack(world, id, { lines: [{ sku, quantity: 2 }] }, key)).status).toBe(201);
  });

  test.each(["pending", "confirmed", "cancelled"])("is not one of a %s order", async (status) => {
    const world = await worldOf();
    const sku = await world.stocked(5);
    const lines = [{ sku, quantity: 1 }];
    const { id } = (await world.place(newCustomer(), lines, status === "pending" ? {} : WAIT)).body;
    if (status === "cancelled") await world.cancel(id);
    const answer = await giveBack(world, id, { lines });
    expect([answer.status, answer.code]).toEqual([409, "not_returnable"]);
  });

  test("needs a key, and an order", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const body = { lines: [{ sku, quantity: 1 }], restock: true, reason: "x" };
    const keyless = await world.call("POST", `/v1/orders/${id}/returns`, { as: OPERATOR, body });
    expect(keyless.body.code).toBe("idempotency_key_required");
    expect((await giveBack(world, v7(), body)).status).toBe(404);
  });

  test("is the hundredth at most", async () => {
    const world = await worldOf();
    const sku = await world.stocked(200);
    const { id } = (await world.place(newCustomer(), [{ sku, quantity: 150 }], WAIT)).body;
    await world.pay(id);
    const one = { lines: [{ sku, quantity: 1 }] };
    for (let i = 0; i < 100; i++) expect((await giveBack(world, id, one)).status).toBe(201);
    const { status, code } = await giveBack(world, id, one);
    expect([status, code]).toEqual([409, "not_returnable"]);
    await settleDown(world);
    await passNow(world.env);
    await expectSettled(sku, [id]);
  });
});

describe("its way to the item", () => {
  test("while the commit is under way: the commit goes first, in the same pass", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world, false);
    world.sent.splice(0);
    await giveBack(world, id, { lines: [{ sku, quantity: 2 }] });
    const lane = stockLane();
    await passAt(Date.now() + 100, { vars: world.env, stock: lane.stock });
    expect(lane.askedOf(id)).toEqual(["order.paid", "order.returned"]);
    await expectSettled(sku, [id]);
    expect(await counters(sku)).toMatchObject({ available: 5, sold: 0 });
  });

  test("while the stock Worker is away it waits, and compares as no difference", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const unsettled = async () => {
      const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
      return (body["unsettled"] as { count: number }).count;
    };
    const before = await unsettled();
    await giveBack(world, id, { lines: [{ sku, quantity: 1 }] });
    await passAt(Date.now() + 100, { vars: world.env, stock: stockLane({ isAway: true }).stock });
    expect(await counters(sku)).toMatchObject({ sold: 2 });
    expect(await differencesAt(sku)).toEqual([]);
    expect(await unsettled()).toBe(before + 1);
    await passAt(Date.now() + 60_000, { vars: world.env });
    await expectSettled(sku, [id]);
  });

  test("in calls of its own: one that is refused as a whole holds up nothing else", async () => {
    const world = await worldOf();
    const { sku, id } = await paid(world);
    const pendingSku = await world.stocked(5);
    const placed = await world.place(newCustomer(), [{ sku: pendingSku, quantity: 1 }]);
    await giveBack(world, id, { lines: [{ sku, quantity: 1 }] });
    const older = {
      execute: async (...call: Parameters<typeof env.STOCK.execute>) => {
        if (call[0].some(({ type }) => type === "order.returned")) throw new Error("unknown type");
        return await env.STOCK.execute(...call);
      },
    };
    await passAt(Date.now() + 31_000, { vars: world.env, stock: older });
    expect((await orderNow(placed.body.id)).status).toBe("confirmed");
    expect(await counters(sku)).toMatchObject({ sold: 2 });
    await passAt(Date.now() + 120_000, { vars: world.env });
    await expectSettled(sku, [id]);
  });

  test("gives the customer room under the limit again", async () => {
    const world = await worldOf();
    const sku = await world.stocked(9, { limitPerCustomer: 2 });
    const customer = newCustomer();
    const order = () => world.place(customer, [{ sku, quantity: 2 }], WAIT);
    const { id } = (await order()).body;
    await world.pay(id);
    await settleDown(world);
    expect((await order()).body.code).toBe("limit_exceeded");
    await giveBack(world, id, { lines: [{ sku, quantity: 2 }] });
    await passNow(world.env);
    expect((await order()).status).toBe(201);
  });
});

test("two returns of the last units at once: one of them is recorded, 50 times", async () => {
  const world = await worldOf();
  const sku = await world.stocked(100);
  const ids: string[] = [];
  for (let i = 0; i < 50; i++) {
    const { id } = (await world.place(newCustomer(), [{ sku, quantity: 2 }], WAIT)).body;
    await world.pay(id);
    ids.push(id);
    const both = { lines: [{ sku, quantity: 2 }] };
    const answers = await Promise.all([giveBack(world, id, both), giveBack(world, id, both)]);
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([201, 409]);
  }
  await settleDown(world);
  await passNow(world.env);
  await expectSettled(sku, ids);
});

test("an order is not pruned before its return is applied, and its returns go with it", async () => {
  const world = await worldOf();
  const { sku, id } = await paid(world);
  await giveBack(world, id, { lines: [{ sku, quantity: 2 }] });
  const policy = { ...POLICY, orderRetention_ms: 1 };
  const rows = async () => {
    const { results } = await env.DB.prepare("SELECT id FROM returns WHERE order_id = ?")
      .bind(id)
      .all();
    return results.length;
  };
  await prune(env.DB, policy, NO_CURSORS, Date.now() + 10_000);
  expect((await orderNow(id)).id).toBe(id);
  await passNow(world.env);
  await prune(env.DB, policy, NO_CURSORS, Date.now() + 10_000);
  await expect(orderNow(id)).rejects.toThrow("no order");
  expect(await rows()).toBe(0);
});

async function orders(world: World): Promise<Record<string, number>> {
  const { body } = await world.call("GET", "/v1/operations", { as: OPERATOR });
  return body["orders"] as Record<string, number>;
}

const differencesAt = async (own: string) =>
  (await compareAll()).differences.filter(({ sku }) => sku === own);
