import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import Stripe from "stripe";
import { beforeAll, describe, expect, test } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { confirmed, moneyOf, newReference } from "./support/money.ts";
import { migrate, orderNow, type World, worldOf } from "./support/world.ts";

beforeAll(migrate);

const SECRET = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
const VARS = { STRIPE_WEBHOOK_SECRET: SECRET };
const stripe = new Stripe("sk_test_none");

const notice = (lockstock_order: string | undefined, parts: object = {}): string =>
  JSON.stringify({
    type: "payment_intent.succeeded",
    data: {
      object: {
        id: newReference(),
        amount_received: 200,
        currency: "eur",
        metadata: lockstock_order === undefined ? {} : { lockstock_order },
        ...parts,
      },
    },
  });

/** Delivers a notice as Stripe does. */
async function send(world: World, payload: string, secret = SECRET, headers: object = {}) {
  const signature = await stripe.webhooks.generateTestHeaderStringAsync({ payload, secret });
  const context = createExecutionContext();
  const request = new Request("https://lockstock.test/v1/payments/stripe", {
    method: "POST",
    headers: { "Stripe-Signature": signature, "Content-Type": "application/json", ...headers },
    body: payload,
  });
  const response = await app.fetch(request, world.env, context);
  await waitOnExecutionContext(context);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe("POST /v1/payments/stripe", () => {
  test("pays an order by the notice of its payment, once", async () => {
    const world = await worldOf({ vars: VARS });
    const { id } = await confirmed(world);
    const payload = notice(id);
    for (const _ of [1, 2]) {
      const { status, body } = await send(world, payload);
      expect([status, body["payment"]]).toEqual([
        200,
        expect.objectContaining({ orderId: id, state: "applied", amount: 200, currency: "EUR" }),
      ]);
    }
    const order = await orderNow(id);
    expect(order).toMatchObject({ status: "paid", revision: 3 });
    expect(order.history.at(-1)?.actor).toEqual({ kind: "service", sub: "stripe" });
  });

  test("keeps the first of two notices with one reference, and answers 200", async () => {
    const world = await worldOf({ vars: VARS });
    const { id } = await confirmed(world);
    const reference = newReference();
    await send(world, notice(id, { id: reference, amount_received: 1 }));
    const { status, body } = await send(world, notice(id, { id: reference }));
    expect([status, body["payment"]]).toEqual([200, expect.objectContaining({ amount: 1 })]);
    expect(await moneyOf(id)).toEqual({ [reference]: "unmatched amount" });
  });

  test("answers 200 to what is not ours, and records nothing", async () => {
    const world = await worldOf({ vars: VARS });
    for (const payload of [notice(undefined), '{"type":"charge.refunded"}', "[]"]) {
      expect(await send(world, payload)).toEqual({ status: 200, body: { payment: null } });
    }
  });

  test("refuses another signature, and records nothing", async () => {
    const world = await worldOf({ vars: VARS });
    const { id } = await confirmed(world);
    const { status, body } = await send(world, notice(id), "whsec_other");
    expect([status, body["code"]]).toEqual([400, "invalid_request"]);
    expect(await moneyOf(id)).toEqual({});
  });

  test("takes either secret while one is rotated", async () => {
    const world = await worldOf({ vars: { STRIPE_WEBHOOK_SECRET: `whsec_new, ${SECRET}` } });
    for (const secret of ["whsec_new", SECRET]) {
      const { id } = await confirmed(world);
      expect((await send(world, notice(id), secret)).body["payment"]).toMatchObject({
        state: "applied",
      });
    }
  });

  test("is not there without a secret", async () => {
    const world = await worldOf();
    expect((await send(world, notice("x"))).status).toBe(404);
  });

  test.each([
    ["what is no JSON", "{", 400],
    ["more than 256 KB", notice("x", { padding: "x".repeat(262_144) }), 413],
    ["less than 256 KB", notice(undefined, { padding: "x".repeat(200_000) }), 200],
  ])("answers %s", async (_, payload, expected) => {
    expect((await send(await worldOf({ vars: VARS }), payload)).status).toBe(expected);
  });
});

test("takes 100 notices at a time; one that stalls gives its place back, and the next are 503", async () => {
  const world = await worldOf({ vars: VARS });
  const stalled = Array.from({ length: 100 }, () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const context = createExecutionContext();
    const request = new Request("https://lockstock.test/v1/payments/stripe", {
      method: "POST",
      body: readable,
    });
    return { answer: Promise.resolve(app.fetch(request, world.env, context)), writable };
  });
  const { id } = await confirmed(world);
  const refused = await send(world, notice(id));
  expect([refused.status, refused.body["code"]]).toEqual([503, "unavailable"]);
  await Promise.all(stalled.map(({ writable }) => writable.abort()));
  const answers = await Promise.all(stalled.map(({ answer }) => answer));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([400]));
  expect((await send(world, notice(id))).status).toBe(200);
});
