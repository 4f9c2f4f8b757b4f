import { afterEach, describe, expect, test } from "vitest";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";
import type { WebhookStatusView } from "./support/webhooks.ts";
import { webhookClient } from "./support/webhooks.ts";

const stack = useStack();
const hooks = webhookClient(() => stack.operator);
const receivers: WebhookReceiver[] = [];
afterEach(async () => {
  for (const receiver of receivers.splice(0)) receiver.close();
  await hooks.deleteAll();
});

async function receiverFor(types?: string[]) {
  const receiver = new WebhookReceiver();
  receivers.push(receiver);
  const { id, secret } = await hooks.add(await receiver.open(), types);
  receiver.secret = secret;
  return { receiver, id };
}

async function placed(sku: string, customerId = `buyer-${crypto.randomUUID()}`): Promise<string> {
  const customer = await stack.customer(customerId);
  const { status, body } = await customer.place([{ sku, quantity: 1 }]);
  expect(status).toBe(202);
  return body.id;
}

const arrived = (receiver: WebhookReceiver, id: string, type: string) =>
  until(`${type} of ${id}`, () => receiver.of(id).find(({ body }) => body.type === type));

describe("events", () => {
  test("are signed as Standard Webhooks says, in sequence, of the types that were asked for", async () => {
    const { operator } = stack;
    const sku = await operator.stocked(3);
    const { receiver } = await receiverFor();
    const { receiver: paid } = await receiverFor(["order.paid"]);
    const id = await placed(sku);
    await arrived(receiver, id, "order.confirmed");
    await operator.call("POST", `/v1/orders/${id}/pay`);
    await arrived(paid, id, "order.paid");
    await arrived(receiver, id, "order.paid");
    const events = receiver.of(id);
    expect(events.map(({ body }) => [body.type, body.data.status, body.data.revision])).toEqual([
      ["order.placed", "pending", 1],
      ["order.confirmed", "confirmed", 2],
      ["order.paid", "paid", 3],
    ]);
    for (const event of receiver.received) WebhookReceiver.verify(event, receiver.secret);
    expect(() => WebhookReceiver.verify(events[0]!, paid.secret)).toThrow();
    expect(paid.received.map(({ body }) => body.type)).toEqual(["order.paid"]);
    expect(events[1]?.body.data).toMatchObject({
      id,
      reason: null,
      total: { amount: 1_500, currency: "EUR" },
      lines: [{ sku, quantity: 1 }],
    });
  });

  test("are signed by both secrets after a rotation; the secret is shown once", async () => {
    const { receiver, id } = await receiverFor();
    const rotated = await hooks.rotate(id);
    expect(rotated.secret).not.toBe(receiver.secret);
    await hooks.test(id);
    const [event] = receiver.received;
    expect(event?.body.type).toBe("webhook.test");
    WebhookReceiver.verify(event!, receiver.secret);
    WebhookReceiver.verify(event!, rotated.secret);
    expect(await hooks.get(id)).not.toHaveProperty("secret");
  });

  test("that are refused (400) wait with those of their order, and the others go on", async () => {
    const sku = await stack.operator.stocked(5);
    const { receiver, id } = await receiverFor();
    let isBroken = true;
    const customer = await stack.customer(`refused-${crypto.randomUUID()}`);
    let refused = "none";
    receiver.behaviour = ({ body }) => {
      if (refused === "none" && body.type === "order.placed") refused = String(body.data.id);
      const isRefused = isBroken && body.data.id === refused;
      return isRefused ? { status: 400, body: "unknown order" } : { status: 204 };
    };
    const { body: first } = await customer.place([{ sku, quantity: 1 }]);
    await until("it is parked", async () => (await hooks.get(id)).parked >= 1);
    const other = await placed(sku);
    await arrived(receiver, other, "order.confirmed");
    await until("its steps wait behind it", async () => (await hooks.get(id)).parked === 2);
    expect(receiver.of(first.id).map(({ body }) => body.type)).toEqual(["order.placed"]);
    const [parked] = (await hooks.deliveries(id, "parked")).toReversed();
    expect(parked).toMatchObject({
      state: "parked",
      type: "order.placed",
      subject: first.id,
      lastAttempt: { status: 400, answer: "unknown order" },
    });
    isBroken = false;
    await hooks.resend(id, parked!.id);
    await arrived(receiver, first.id, "order.confirmed");
    expect(receiver.of(first.id).map(({ body }) => body.type)).toEqual([
      "order.placed",
      "order.confirmed",
    ]);
    expect((await hooks.get(id)).parked).toBe(0);
  });
});

/** Answers the first event so, and every later one with 204. */
function answersFirst(receiver: WebhookReceiver, status: number, headers = {}): void {
  receiver.behaviour = () => ({ status: receiver.received.length === 1 ? status : 204, headers });
}

describe("an endpoint that answers", () => {
  test.each([
    [500, {}, 4_400],
    [302, { Location: "http://localhost:1/" }, 4_400],
    [429, { "Retry-After": "8" }, 7_900],
  ])("%i %o is tried again later, with the same event", async (status, headers, least_ms) => {
    const sku = await stack.operator.stocked(1);
    const { receiver, id } = await receiverFor(["order.placed"]);
    answersFirst(receiver, status, headers);
    const order = await placed(sku);
    await until("it has failed", async () => (await hooks.get(id)).failures === 1);
    await until("it is tried again", () => receiver.received.length === 2);
    const [first, second] = receiver.received;
    expect(second?.id).toBe(first?.id);
    expect(second?.text).toBe(first?.text);
    expect(first?.body.data.id).toBe(order);
    expect(second!.at_ms - first!.at_ms).toBeGreaterThan(least_ms);
    await until("it is delivered", async () => (await hooks.get(id)).pending === 0);
    expect(await hooks.get(id)).toMatchObject({ state: "on", failures: 0, pausedUntil: null });
  });

  test("410 is switched off; switched on it goes on where it ended", async () => {
    const sku = await stack.operator.stocked(3);
    const { receiver, id } = await receiverFor(["order.placed"]);
    answersFirst(receiver, 410);
    const first = await placed(sku);
    const off = async (): Promise<WebhookStatusView | false> => {
      const webhook = await hooks.get(id);
      return webhook.state === "off" && webhook;
    };
    expect(await until("it is off", off)).toMatchObject({ why: "gone" });
    const second = await placed(sku);
    await hooks.patch(id, { state: "on" });
    await arrived(receiver, second, "order.placed");
    const ids = receiver.received.map(({ body }) => body.data.id);
    expect(ids).toEqual([first, first, second]);
  });

  test("never holds up no order and no other endpoint, and is tried again", async () => {
    const sku = await stack.operator.stocked(30);
    const { receiver: hanging, id } = await receiverFor(["order.placed"]);
    hanging.behaviour = () => null;
    const { receiver } = await receiverFor(["order.placed"]);
    const first = await placed(sku);
    await until("it hangs", () => hanging.received.length > 0);
    for (let i = 0; i < 5; i++) {
      const start_ms = Date.now();
      await arrived(receiver, await placed(sku), "order.placed");
      expect(Date.now() - start_ms).toBeLessThan(8_000);
    }
    const failed = async () => (await hooks.deliveries(id)).find(({ lastAttempt }) => lastAttempt);
    expect(await until("the attempt is over", failed)).toMatchObject({
      subject: first,
      state: "pending",
      lastAttempt: { status: null, answer: "no answer within 15 s" },
    });
    hanging.behaviour = () => ({ status: 200 });
    await hooks.patch(id, {});
    await until("all are delivered", async () => (await hooks.get(id)).pending === 0);
    expect(hanging.of(first)).toHaveLength(1);
  });
});

/** Medians over some orders: until the order is taken, and until a healthy endpoint hears of it. */
async function timesOf(sku: string, receiver: WebhookReceiver) {
  const times = await Promise.all(
    Array.from({ length: 20 }, async () => {
      const start_ms = Date.now();
      const id = await placed(sku);
      const taken_ms = Date.now() - start_ms;
      await arrived(receiver, id, "order.confirmed");
      return { taken_ms, heard_ms: Date.now() - start_ms };
    }),
  );
  const median = (of: "taken_ms" | "heard_ms") =>
    times.map((one) => one[of]).toSorted((a, b) => a - b)[times.length / 2] ?? 0;
  return { taken: median("taken_ms"), heard: median("heard_ms") };
}

test("endpoints that hang, fail and refuse cost nobody else anything", async () => {
  const sku = await stack.operator.stocked(200);
  const { receiver } = await receiverFor();
  await timesOf(sku, receiver);
  const before = [await timesOf(sku, receiver), await timesOf(sku, receiver)];
  const ids: string[] = [];
  for (const reaction of [null, { status: 500 }, { status: 404 }]) {
    const { receiver: bad, id } = await receiverFor();
    bad.behaviour = () => reaction;
    ids.push(id);
  }
  const beside = [await timesOf(sku, receiver), await timesOf(sku, receiver)];
  // What else the machine does may have become more meanwhile.
  for (const id of ids) await hooks.patch(id, { state: "off" });
  const after = [await timesOf(sku, receiver), await timesOf(sku, receiver)];
  const text = (all: { taken: number; heard: number }[]) =>
    all.map(({ taken, heard }) => `taken ${taken} ms, heard ${heard} ms`).join("; ");
  console.log(`before: ${text(before)}\nbeside three: ${text(beside)}\nafter: ${text(after)}`);
  // What a second of the courier's pace and a busy machine allow.
  const least = (all: { taken: number; heard: number }[], of: "taken" | "heard") =>
    Math.min(...all.map((one) => one[of]));
  const without = (of: "taken" | "heard") => Math.max(least(before, of), least(after, of));
  expect(least(beside, "taken")).toBeLessThan(3 * without("taken") + 250);
  expect(least(beside, "heard")).toBeLessThan(without("heard") + 2_000);
});

test("a stack that dies while it delivers loses no event, keeps the sequence, and repeats only itself", async () => {
  const sku = await stack.operator.stocked(200);
  const { receiver } = await receiverFor();
  // Slow enough that some are under way at any moment.
  receiver.behaviour = () =>
    new Promise((resolve) => setTimeout(() => resolve({ status: 204 }), 50));
  const orders: string[] = [];
  for (let round = 0; round < 3; round++) {
    const before = receiver.received.length;
    orders.push(...(await Promise.all(Array.from({ length: 20 }, () => placed(sku)))));
    await until("deliveries are under way", () => receiver.received.length > before + 8);
    await stack.crash();
  }
  for (const id of orders) await arrived(receiver, id, "order.confirmed");
  for (const id of orders) {
    const steps = receiver.of(id).map(({ body }) => `${body.type} ${String(body.data.revision)}`);
    expect(steps).toEqual(["order.placed 1", "order.confirmed 2"]);
  }
  const texts = new Map<string, string>();
  for (const { id, text } of receiver.received) {
    expect(texts.get(id) ?? text).toBe(text);
    texts.set(id, text);
  }
});
