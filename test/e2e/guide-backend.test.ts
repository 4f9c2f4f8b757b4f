import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createSocket } from "node:net";
import { join } from "node:path";
import Stripe from "stripe";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { expectLedgerReplays, levelBecomes } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** The backend of docs/guides/backend.md, run as a shop runs it; Stripe itself is a stand-in. */

const stack = useStack({ PAYMENT_WINDOW_SECONDS: "600" });
const SECRET = "whsec_of_the_guide";
const stripe = new Stripe("sk_test_guide");

interface ApiCall {
  path: string;
  key: string;
  form: Record<string, string>;
}
/** What Stripe's API was asked for. One key gives one answer, as there. */
const asked = new Map<string, ApiCall>();
const api = createServer((request, response) => {
  let text = "";
  request.on("data", (chunk) => (text += String(chunk)));
  request.on("end", () => answer(request, response, text));
});

function answer(request: IncomingMessage, response: ServerResponse, text: string): void {
  const key = String(request.headers["idempotency-key"]);
  const form = Object.fromEntries(new URLSearchParams(text));
  if (!asked.has(key)) asked.set(key, { path: request.url ?? "", key, form });
  const id = `pi_${[...asked.keys()].indexOf(key)}`;
  response.writeHead(200, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ id, object: "payment_intent", client_secret: `${id}_secret` }));
}

let backend: string;
let stop: () => void = () => undefined;

beforeAll(async () => {
  await once(api.listen(0), "listening");
  const port = await freePort();
  const scope = "orders:create orders:read orders:cancel orders:pay";
  const child = spawn(process.execPath, [join(ROOT, "docs/guides/backend.ts")], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      ...process.env,
      LOCKSTOCK_URL: stack.base.origin,
      LOCKSTOCK_TOKEN: await stack.token("shop", { scope }),
      PORT: `${port}`,
      STRIPE_KEY: "sk_test_guide",
      STRIPE_WEBHOOK_SECRET: SECRET,
      STRIPE_API_PORT: `${(api.address() as AddressInfo).port}`,
    },
  });
  stop = () => void child.kill();
  await once(child.stdout, "data");
  backend = `http://localhost:${port}`;
});
afterAll(() => {
  stop();
  api.close();
});
beforeEach(() => asked.clear());

async function freePort(): Promise<number> {
  const socket = createSocket();
  await once(socket.listen(0), "listening");
  const { port } = socket.address() as AddressInfo;
  socket.close();
  await once(socket, "close");
  return port;
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await fetch(`${backend}${path}`, { method: "POST", headers, body: text });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

let carts = 0;
async function checkout(sku: string, customer: string, quantity = 1) {
  const cart = { key: `cart-${++carts}`, lines: [{ sku, quantity }], total: 1_500 * quantity };
  const answers = await Promise.all(
    [1, 2].map(() => post("/checkout", cart, { "x-customer": customer })),
  );
  expect(answers[1]?.status).toBe(answers[0]?.status);
  expect(answers[1]?.body["id"]).toEqual(answers[0]?.body["id"]);
  return { ...answers[0]!, id: String(answers[0]!.body["id"]) };
}

/** The notice of a payment, as Stripe sends it. */
function notify(orderId: string, reference: string, amount: number) {
  const object = {
    id: reference,
    amount_received: amount,
    currency: "eur",
    metadata: { lockstock_order: orderId },
  };
  const payload = JSON.stringify({
    id: "evt",
    object: "event",
    type: "payment_intent.succeeded",
    data: { object },
  });
  const signature = stripe.webhooks.generateTestHeaderString({ payload, secret: SECRET });
  return post("/stripe", payload, { "stripe-signature": signature });
}

const orderOf = async (id: string): Promise<OrderView> =>
  (await stack.operator.call<OrderView>("GET", `/v1/orders/${id}`)).body;
const refunds = () =>
  [...asked.values()].flatMap(({ path, form }) => (path === "/v1/refunds" ? [form] : []));

async function stocked(): Promise<string> {
  const sku = await stack.operator.stocked(5);
  const body = { name: "Poster", price: { amount: 1_500, currency: "EUR" } };
  await stack.operator.call("PUT", `/v1/items/${sku}`, body);
  return sku;
}

test("a checkout twice makes one order, and its payment intent is of what is due", async () => {
  const sku = await stocked();
  const { status, body, id } = await checkout(sku, "ada", 2);
  expect([status, typeof body["clientSecret"], body["payBy"]]).toEqual([
    201,
    "string",
    expect.any(String),
  ]);
  expect(await orderOf(id)).toMatchObject({
    customerId: "ada",
    status: "confirmed",
    amountDue: 3_490,
  });
  expect([...asked.values()]).toMatchObject([
    {
      path: "/v1/payment_intents",
      form: { amount: "3490", currency: "eur", "metadata[lockstock_order]": id },
    },
  ]);
});

test("a cart with another price, or of more than there is, is refused", async () => {
  const sku = await stocked();
  const cart = { key: "wrong", lines: [{ sku, quantity: 1 }], total: 1 };
  const other = await post("/checkout", cart, { "x-customer": "ada" });
  expect([other.status, other.body["code"]]).toEqual([409, "price_changed"]);
  const much = await checkout(sku, "ada", 6);
  expect([much.status, much.body["code"]]).toEqual([409, "out_of_stock"]);
  expect(asked.size).toBe(0);
});

test("notices that come twice pay once; a second payment is refunded once", async () => {
  const sku = await stocked();
  const { id } = await checkout(sku, "ada");
  const first = await Promise.all([1, 2, 3].map(() => notify(id, `${id} a`, 1_990)));
  expect(first.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await orderOf(id)).toMatchObject({ status: "paid", revision: 3 });
  await Promise.all([1, 2].map(() => notify(id, `${id} b`, 1_990)));
  expect(refunds()).toEqual([{ payment_intent: `${id} b` }]);
  await levelBecomes(stack.operator, sku, { available: 4, held: 0, sold: 1 });
});

test("a notice that comes after the expiry places the order again", async () => {
  const sku = await stocked();
  const { id } = await checkout(sku, "late");
  const { DB } = await stack.orders();
  await DB.prepare("UPDATE orders SET pay_by = 1, due_at = 1 WHERE id = ?").bind(id).run();
  await stack.cron();
  await until("the expiry", async () => (await orderOf(id)).status === "cancelled");
  await Promise.all([1, 2].map(() => notify(id, `${id} late`, 1_990)));
  const list = await (
    await stack.customer("late")
  ).call<{ orders: OrderView[] }>("GET", "/v1/orders");
  const successor = list.body.orders.find(({ successorOf }) => successorOf === id);
  await until("the successor", async () => (await orderOf(successor!.id)).status === "paid");
  expect(refunds()).toEqual([]);
  await levelBecomes(stack.operator, sku, { available: 4, held: 0, sold: 1 });
});

test("a cancelled order's payment is refunded, and only its customer may cancel", async () => {
  const sku = await stocked();
  const { id } = await checkout(sku, "ada");
  expect((await post(`/orders/${id}/cancel`, {}, { "x-customer": "eve" })).status).toBe(404);
  const cancelled = await post(`/orders/${id}/cancel`, {}, { "x-customer": "ada" });
  expect([cancelled.status, cancelled.body["status"]]).toEqual([200, "cancelled"]);
  await Promise.all([1, 2].map(() => notify(id, `${id} a`, 1_990)));
  expect(refunds()).toEqual([{ payment_intent: `${id} a` }]);
  await levelBecomes(stack.operator, sku, { available: 5, held: 0, sold: 0 });
});

test("a parcel that comes back is booked and refunded once", async () => {
  const sku = await stocked();
  const { id } = await checkout(sku, "ada", 2);
  await notify(id, `${id} a`, 3_490);
  const parcel = { key: `parcel ${id}`, lines: [{ sku, quantity: 1 }], refund: 1_500 };
  const answers = [
    await post(`/orders/${id}/returns`, parcel),
    await post(`/orders/${id}/returns`, parcel),
  ];
  expect(answers.map(({ status }) => status)).toEqual([201, 200]);
  expect(refunds()).toEqual([{ payment_intent: `${id} a`, amount: "1500" }]);
  await levelBecomes(stack.operator, sku, { available: 4, held: 0, sold: 1 });
  const movements = await expectLedgerReplays(stack.operator, sku);
  expect(movements.at(-1)).toMatchObject({ kind: "return", quantity: 1 });
});
