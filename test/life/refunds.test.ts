import { beforeAll, describe, expect, test } from "vitest";
import type { PaymentView } from "../../src/orders/order/payment.ts";
import { confirmed, expired, paymentOf, pending, report, WINDOW } from "./support/money.ts";
import { passAt } from "./support/reconcile.ts";
import { migrate, OPERATOR, orderNow, type World, worldOf } from "./support/world.ts";

beforeAll(migrate);

const refund = (world: World, reference: string) =>
  world.call("POST", `/v1/payments/${encodeURIComponent(reference)}/refunded`, { as: OPERATOR });

describe("an unmatched payment", () => {
  test("is refunded once the shop says so; saying it again changes nothing", async () => {
    const world = await worldOf();
    const payment = paymentOf("nothing", { reference: "a/b c%" });
    await report(world, payment);
    for (const _ of [1, 2]) {
      const { status, body } = await refund(world, payment.reference);
      expect([status, body["payment"]]).toEqual([
        200,
        expect.objectContaining({ state: "refunded", why: "unknown_order" }),
      ]);
    }
    expect((await report(world, payment)).payment.state).toBe("refunded");
  });

  test.each([
    ["applied", confirmed],
    ["waiting", pending],
  ] as const)("is told from one that is %s: 409", async (state, make) => {
    const world = await worldOf();
    const payment = paymentOf((await make(world)).id);
    await report(world, payment);
    const { status, body } = await refund(world, payment.reference);
    expect([status, body.code]).toEqual([409, "not_refundable"]);
    expect(body["payment"]).toMatchObject({ state });
  });

  test("that nobody reported is 404", async () => {
    expect((await refund(await worldOf(), "never")).status).toBe(404);
  });
});

describe("the list of payments", () => {
  async function list(world: World, query: string): Promise<PaymentView[]> {
    const all: PaymentView[] = [];
    for (let cursor = "", pages = 0; pages < 50; pages++) {
      const path = `/v1/payments?limit=2&${query}${cursor && `&cursor=${cursor}`}`;
      const { status, body } = await world.call("GET", path, { as: OPERATOR });
      expect(status).toBe(200);
      const page = body["payments"] as PaymentView[];
      expect(page.length).toBeLessThanOrEqual(2);
      all.push(...page);
      if (body["nextCursor"] === null) return all;
      cursor = body["nextCursor"] as string;
    }
    throw new Error("the list has no end");
  }

  test("has each payment once, newest first, by state and by order", async () => {
    const world = await worldOf({ vars: WINDOW });
    const late = await expired(world);
    const made = await confirmed(world);
    const waiting = await pending(world);
    const payments = [
      paymentOf(late.id),
      paymentOf(made.id),
      paymentOf(made.id),
      paymentOf(made.id, { amount: 1 }),
      paymentOf(waiting.id),
      paymentOf("unknown"),
    ];
    for (const payment of payments) await report(world, payment);
    const refunded = payments[3]!;
    await refund(world, refunded.reference);
    const own = new Set(payments.map(({ reference }) => reference));
    const references = async (query: string) =>
      (await list(world, query)).flatMap(({ reference }) =>
        own.has(reference) ? [reference] : [],
      );
    const of = (...places: number[]) => places.map((place) => payments[place]?.reference);
    expect(await references("")).toEqual(of(5, 4, 3, 2, 1, 0));
    expect(await references("state=applied")).toEqual(of(1));
    expect(await references("state=waiting")).toEqual(of(4, 0));
    expect(await references("state=unmatched")).toEqual(of(5, 2));
    expect(await references("state=refunded")).toEqual(of(3));
    expect(await references(`orderId=${made.id}`)).toEqual(of(3, 2, 1));
    expect(await references(`orderId=${made.id}&state=unmatched`)).toEqual(of(2));
    const [first] = await list(world, `orderId=${late.id}`);
    expect(await references(`orderId=${first?.successorId}`)).toEqual(of(0));
    expect(await references("orderId=unknown&state=applied")).toEqual([]);
  });

  test.each(["state=paid", "cursor=x", "limit=0"])("?%s is 400", async (query) => {
    const { status } = await (
      await worldOf()
    ).call("GET", `/v1/payments?${query}`, { as: OPERATOR });
    expect(status).toBe(400);
  });
});

describe("a payment window", () => {
  const extend = (world: World, id: string, seconds: number) =>
    world.call("POST", `/v1/orders/${id}/extend`, { as: OPERATOR, body: { seconds } });

  test("is extended three times, each a revision and a step of its history", async () => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world);
    const before = Number((await orderNow(id)).payBy_ms);
    for (const times of [1, 2, 3]) {
      const { status, body } = await extend(world, id, 100);
      expect([status, Date.parse(String(body.payBy))]).toEqual([200, before + times * 100_000]);
      expect(body.revision).toBe(2 + times);
    }
    const order = await orderNow(id);
    expect(order.dueAt_ms).toBe(before + 300_000);
    expect(order.history.at(-1)).toMatchObject({
      revision: 5,
      status: "confirmed",
      step: "extended",
      actor: { kind: "service", sub: OPERATOR },
    });
    const fourth = await extend(world, id, 1);
    expect([fourth.status, fourth.body.code]).toEqual([409, "not_extendable"]);
    await passAt(before + 299_999, { vars: WINDOW });
    expect((await orderNow(id)).status).toBe("confirmed");
    await passAt(before + 300_000, { vars: WINDOW });
    expect((await orderNow(id)).reason).toBe("payment_timeout");
  });

  test.each([
    ["pending", pending],
    ["expired", expired],
  ] as const)("of an order that is %s is not", async (_, make) => {
    const world = await worldOf({ vars: WINDOW });
    const { status, body } = await extend(world, (await make(world)).id, 60);
    expect([status, body.code]).toEqual([409, "not_extendable"]);
  });

  test("of an order without one is not", async () => {
    const world = await worldOf({ vars: { PAYMENT_WINDOW_SECONDS: "0" } });
    expect((await extend(world, (await confirmed(world)).id, 60)).status).toBe(409);
  });

  test.each([0, 901, 1.5, "60"])("of %j seconds is 400", async (seconds) => {
    const world = await worldOf({ vars: WINDOW });
    const { id } = await confirmed(world);
    expect((await extend(world, id, seconds as number)).status).toBe(400);
  });
});
