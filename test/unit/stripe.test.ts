import Stripe from "stripe";
import { describe, expect, test } from "vitest";
import { isSignedByStripe, paymentFromStripe } from "../../src/orders/payments/stripe.ts";

const SECRET = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
const NOW_S = 1_800_000_000;
const ORDER = "019ab2f0-6c1e-7a53-9d42-3f8e5b7c1a90";
const bytesOf = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

const BODY = '{\n  "id": "evt_1", "note": "café 🎟",  "object":"event"}';
const stripe = new Stripe("sk_test_none");
const sign = (payload = BODY, secret = SECRET, timestamp = NOW_S): string =>
  stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp });

const check = (
  header: string | undefined,
  { body = BODY, secrets = [SECRET], at_s = NOW_S } = {},
) => isSignedByStripe(bytesOf(body), header, secrets, at_s * 1000);

describe("a signature made by Stripe's own package", () => {
  test("is accepted over the very bytes that were sent", async () => {
    expect(await check(sign())).toBe(true);
    expect(await check(sign(""), { body: "" })).toBe(true);
  });

  test.each([
    ["another body", sign(`${BODY} `)],
    ["the body as it is parsed and written again", sign(JSON.stringify(JSON.parse(BODY)))],
    ["another secret", sign(BODY, "whsec_other")],
    ["another time", sign().replace(`t=${NOW_S}`, `t=${NOW_S + 1}`)],
    ["another scheme", sign().replace("v1=", "v0=")],
    ["no time", sign().replace(/t=\d+,/, "")],
    ["nothing", undefined],
    ["no text", ""],
    ["half of it", sign().slice(0, -2)],
    ["digits that are none", sign().replace(/v1=../, "v1=zz")],
    ["a header without end", `${sign()},${"v1=0,".repeat(1_000)}`],
  ])("is refused for %s", async (_, header) => {
    expect(await check(header)).toBe(false);
  });

  test("holds for 300 s, before and after", async () => {
    for (const [at_s, isValid] of [
      [NOW_S + 300, true],
      [NOW_S + 301, false],
      [NOW_S - 300, true],
      [NOW_S - 301, false],
    ] as const) {
      expect(await check(sign(), { at_s })).toBe(isValid);
    }
  });

  test("may be any of several, by any of several secrets", async () => {
    const [time, v1] = sign().split(",");
    const other = "0".repeat(64);
    expect(await check(`${time},v1=${other},v0=${other},${v1}`)).toBe(true);
    expect(await check(sign(BODY, "whsec_new"), { secrets: [SECRET, "whsec_new"] })).toBe(true);
    expect(await check(sign(), { secrets: [] })).toBe(false);
    const many = `v1=${other},`.repeat(10);
    expect(await check(`${time},${many}${v1}`)).toBe(false);
  });
});

const intent = {
  id: "evt_1P",
  object: "event",
  api_version: "2025-09-30.clover",
  type: "payment_intent.succeeded",
  livemode: false,
  data: {
    object: {
      id: "pi_3PQ",
      object: "payment_intent",
      amount: 13_800,
      amount_received: 13_800,
      currency: "eur",
      metadata: { lockstock_order: ORDER, cart: "7" },
      status: "succeeded",
    },
  },
};

const session = {
  id: "evt_2P",
  object: "event",
  type: "checkout.session.completed",
  data: {
    object: {
      id: "cs_test_1",
      object: "checkout.session",
      amount_subtotal: 13_000,
      amount_total: 13_800,
      currency: "eur",
      metadata: { lockstock_order: ORDER },
      payment_intent: "pi_3PQ",
      payment_status: "paid",
      status: "complete",
    },
  },
};

/** A deep copy with some members of `data.object` replaced. */
const withObject = (event: typeof intent | typeof session, parts: object, type = event.type) => ({
  ...event,
  type,
  data: { object: { ...event.data.object, ...parts } },
});

describe("a notice", () => {
  const payment = { reference: "pi_3PQ", orderId: ORDER, amount: 13_800, currency: "EUR" };

  test.each([
    ["of an intent", intent],
    ["of its session, which is the same payment", session],
    [
      "of a session that was paid later",
      withObject(session, {}, "checkout.session.async_payment_succeeded"),
    ],
    ["of a session with its intent", withObject(session, { payment_intent: { id: "pi_3PQ" } })],
    [
      "with the order in capitals",
      withObject(intent, { metadata: { lockstock_order: ` ${ORDER.toUpperCase()} ` } }),
    ],
  ])("%s is a payment", (_, event) => {
    expect(paymentFromStripe(event)).toEqual(payment);
  });

  test("counts what was received, not what was asked for", () => {
    const event = withObject(intent, { amount_received: 5_000 });
    expect(paymentFromStripe(event)?.amount).toBe(5_000);
  });

  test.each([
    ["jpy", 500, 500],
    ["kwd", 5_120, 5_120],
    ["isk", 50_000, 500],
    ["ugx", 50_000, 500],
    ["ugx", 50_001, 50_001],
    ["mga", 500, 50_000],
  ])("in %s: %i of Stripe's units are %i of ISO's", (currency, amount_received, amount) => {
    const event = withObject(intent, { currency, amount_received });
    expect(paymentFromStripe(event)).toMatchObject({ amount, currency: currency.toUpperCase() });
  });

  test.each([
    ["an intent that is not ours", withObject(intent, { metadata: {} })],
    ["one without metadata", withObject(intent, { metadata: null })],
    ["one with an empty order", withObject(intent, { metadata: { lockstock_order: " " } })],
    ["a session that is not paid yet", withObject(session, { payment_status: "unpaid" })],
    ["a session with nothing to pay", withObject(session, { payment_intent: null })],
    ["another event", withObject(intent, {}, "payment_intent.payment_failed")],
    ["no event", [1, 2]],
    ["nothing", null],
  ])("of %s reports none", (_, event) => {
    expect(paymentFromStripe(event)).toBeNull();
  });
});
