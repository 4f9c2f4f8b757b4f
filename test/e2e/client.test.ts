import { expect, test } from "vitest";
import {
  createClient,
  type Fetch,
  LockstockProblem,
  type Order,
  verifyWebhook,
} from "../../packages/client/src/index.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";
import { webhookClient } from "./support/webhooks.ts";

/** The published client against both Workers, with what only a real server does to it. */

const stack = useStack();

const failure = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => error as LockstockProblem,
  );

/** A network that loses the first answer to each order which the server has taken. */
function lossyFetch(): Fetch {
  const lost = new Set<string>();
  return async (url, init) => {
    const response = await fetch(url, init);
    const key = init.headers["Idempotency-Key"] ?? "";
    if (key === "" || lost.has(key) || !response.ok) return response;
    lost.add(key);
    throw new TypeError("the connection was lost");
  };
}

test("orders are placed once each through lost answers and a crash, and a feed shows the last of each", async () => {
  const sku = await stack.operator.stocked(100);
  const token = await stack.token("stormy");
  const shop = createClient({ url: stack.base.origin, token, fetch: lossyFetch() });
  const shown = new Map<string, Order>();
  const states: string[] = [];
  let disorder = 0;
  const feed = shop.feed({
    onOrder: (order) => {
      if (order.revision <= (shown.get(order.id)?.revision ?? 0)) disorder++;
      shown.set(order.id, order);
    },
    onConnection: (state) => void states.push(state),
  });
  await until("the feed", () => feed.connection === "live");
  let repeats = 0;
  const onRetry = () => void repeats++;
  const buy = () => shop.placeOrder({ lines: [{ sku, quantity: 1 }] }, { onRetry });
  const placing = Array.from({ length: 30 }, buy);
  const crashed = stack.crash();
  placing.push(...Array.from({ length: 10 }, buy));
  const placed = await Promise.all(placing);
  await crashed;
  expect(repeats).toBeGreaterThanOrEqual(placed.length);
  expect(states).toContain("connecting");

  const ended = await Promise.all(placed.map(({ id }) => shop.wait(id)));
  expect(ended.every(({ status }) => status === "confirmed")).toBe(true);
  const { orders } = await shop.orders({ limit: 100 });
  expect(new Set(orders.map(({ id }) => id))).toEqual(new Set(placed.map(({ id }) => id)));
  await until("every order", () =>
    ended.every(({ id, revision }) => shown.get(id)?.revision === revision),
  );
  expect(disorder).toBe(0);
  feed.close();
});

test("an expired token is replaced, in calls and in the feed; one that is not ends the feed", async () => {
  const expired = await stack.token("late", { expires: new Date(Date.now() - 60_000) });
  const good = await stack.token("late");
  const url = stack.base.origin;
  const shop = createClient({
    url,
    token: (refused) => (refused === undefined ? expired : good),
  });
  expect((await shop.orders()).orders).toEqual([]);
  const feed = shop.feed({ onOrder: () => undefined });
  await until("the feed", () => feed.connection === "live");
  feed.close();

  const ended: LockstockProblem[] = [];
  const other = createClient({ url, token: expired });
  other.feed({ onOrder: () => undefined, onEnd: (problem) => void ended.push(problem) });
  await until("the end", () => ended.length > 0);
  expect(ended).toMatchObject([{ code: "unauthenticated" }]);
  expect(await failure(other.orders())).toMatchObject({ code: "unauthenticated", status: 401 });
});

test("what the feed was told while no socket was open is shown once there is one", async () => {
  const sku = await stack.operator.stocked(5);
  const shop = createClient({ url: stack.base.origin, token: await stack.token("sleepy") });
  const { id, updatedAt } = await shop.placeOrder({ lines: [{ sku, quantity: 1 }] });
  await shop.wait(id);
  await shop.cancel(id);
  // The newest one, which is all that is read over HTTP.
  await shop.placeOrder({ lines: [{ sku, quantity: 1 }] }, { wait_s: 10 });
  const shown: Order[] = [];
  const feed = shop.feed({
    since: updatedAt,
    newest: 1,
    onOrder: (order) => void shown.push(order),
  });
  await until("the order", () => shown.some((order) => order.id === id));
  feed.close();
  expect(shown.find((order) => order.id === id)).toMatchObject({
    revision: 3,
    status: "cancelled",
  });
});

test("a service pays, extends, refunds and takes back, each once however often it is told", async () => {
  const sku = await stack.operator.stocked(5);
  const token = await stack.token("till", { scope: "orders:create orders:pay orders:read" });
  const shop = createClient({ url: stack.base.origin, token });
  const order = { customerId: "ada", lines: [{ sku, quantity: 2 }], metadata: { cart: "7" } };
  const { id, total } = await shop.placeOrder(order, { wait_s: 10 });
  expect((await shop.extend(id, 60)).revision).toBe(3);
  const payment = { reference: `pi_${id}`, orderId: id, ...total };
  for (let i = 0; i < 2; i++) {
    expect(await shop.recordPayment(payment)).toMatchObject({ state: "applied" });
  }
  const twice = { ...payment, reference: `pi_2_${id}` };
  expect(await shop.recordPayment(twice)).toMatchObject({ state: "unmatched" });
  expect((await shop.payments({ orderId: id, state: "unmatched" })).payments).toHaveLength(1);
  expect(await shop.refunded(twice.reference)).toMatchObject({ state: "refunded" });
  expect(await failure(shop.refunded(payment.reference))).toMatchObject({
    code: "not_refundable",
    body: { payment: { state: "applied" } },
  });
  const goods = { lines: [{ sku, quantity: 1 }], restock: true, reason: "too big" };
  const [one, again] = [
    await shop.returnGoods(id, goods, `parcel-${id}`),
    await shop.returnGoods(id, goods, `parcel-${id}`),
  ];
  expect(again.return.id).toBe(one.return.id);
  expect((await shop.order(id)).lines).toMatchObject([{ quantity: 2, returned: 1 }]);
});

test("a refusal at the door says why, as a typed problem", async () => {
  const sku = await stack.operator.stocked(1);
  const shop = createClient({ url: stack.base.origin, token: await stack.token("keen") });
  const lines = [{ sku, quantity: 1 }];
  const expect_ = { amount: 1, currency: "EUR" };
  expect(await failure(shop.placeOrder({ lines, expect: expect_ }))).toMatchObject({
    code: "price_changed",
    body: { total: { amount: 1_500, currency: "EUR" } },
  });
  const wrong = await failure(shop.placeOrder({ lines: [] }));
  expect(wrong).toBeInstanceOf(LockstockProblem);
  expect(wrong).toMatchObject({ code: "invalid_request", errors: [{ path: "/lines" }] });
  expect(await failure(shop.item("NO-SUCH-ITEM"))).toMatchObject({ code: "not_found" });
  expect((await shop.items({ limit: 1 })).items).toHaveLength(1);
  const { token } = await shop.createGuest();
  const guest = createClient({ url: stack.base.origin, token });
  expect((await guest.orders({ status: "pending" })).orders).toEqual([]);
});

test("webhooks of the real sender are verified, also while their secret is rotated", async () => {
  const receiver = new WebhookReceiver();
  const hooks = webhookClient(() => stack.operator);
  try {
    const { id, secret } = await hooks.add(await receiver.open());
    const sku = await stack.operator.stocked(5);
    const shop = createClient({ url: stack.base.origin, token: await stack.token("eve") });
    const order = await shop.placeOrder({ lines: [{ sku, quantity: 1 }] }, { wait_s: 10 });
    const of = (type: string) => receiver.received.find(({ body }) => body.type === type);
    const confirmed = await until("the event", () => of("order.confirmed"));
    const event = await verifyWebhook(confirmed.text, confirmed.headers, secret);
    expect(event).toMatchObject({
      type: "order.confirmed",
      data: { id: order.id, revision: 2, status: "confirmed", lines: [{ sku, quantity: 1 }] },
    });
    const rotated = await hooks.rotate(id);
    await hooks.test(id);
    const tested = await until("the test", () => of("webhook.test"));
    for (const one of [secret, rotated.secret]) {
      const bytes = new TextEncoder().encode(tested.text);
      expect(await verifyWebhook(bytes, tested.headers, one)).toMatchObject({
        data: { webhookId: id },
      });
    }
    const foreign = `whsec_${btoa("the secret of somebody else")}`;
    await expect(verifyWebhook(tested.text, tested.headers, foreign)).rejects.toMatchObject({
      code: "no_matching_signature",
    });
  } finally {
    await hooks.deleteAll();
    receiver.close();
  }
});

test("changes are read to the last one, wait for the next, and a cursor of another epoch is reset", async () => {
  const sku = await stack.operator.stocked(5);
  const token = await stack.token("warehouse", { scope: "operations:read" });
  const reader = createClient({ url: stack.base.origin, token });
  const shop = createClient({ url: stack.base.origin, token: await stack.token("ida") });
  const first = await shop.placeOrder({ lines: [{ sku, quantity: 1 }] }, { wait_s: 10 });
  let after: string | undefined;
  const buyLater = async () => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await shop.placeOrder({ lines: [{ sku, quantity: 1 }] });
  };
  const steps: string[] = [];
  for await (const change of reader.changes({ limit: 3 })) {
    after = change.cursor;
    if (!("orderId" in change)) continue;
    if (change.orderId === first.id) steps.push(`${change.type} ${change.revision}`);
    // Placed while the reader waits for it.
    if (change.orderId === first.id && change.type === "order.confirmed") void buyLater();
    if (change.orderId !== first.id && change.order?.customerId === "ida") break;
  }
  expect(steps).toEqual(["order.placed 1", "order.confirmed 2"]);
  const cursor = after ?? "";
  const foreign = `abcdef${cursor.slice(cursor.indexOf("-"))}`;
  expect(await failure(reader.changes({ after: foreign }).next())).toMatchObject({
    code: "changes_reset",
    status: 410,
  });
});
