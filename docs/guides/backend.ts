import { createServer, type IncomingMessage } from "node:http";
import process from "node:process";
import Stripe from "stripe";

/** A shop's backend between its own accounts, Stripe and Lockstock. docs/guides/backend.md explains it. */

const {
  LOCKSTOCK_URL = "http://localhost:8787",
  LOCKSTOCK_TOKEN = "",
  PORT = "8080",
} = process.env;
const { STRIPE_KEY = "", STRIPE_WEBHOOK_SECRET = "", STRIPE_API_PORT } = process.env;
// The last one is for tests: a stand-in for Stripe on this machine.
const standIn = { host: "127.0.0.1", port: Number(STRIPE_API_PORT), protocol: "http" as const };
const stripe = new Stripe(STRIPE_KEY, STRIPE_API_PORT ? standIn : {});

const SHIPPING = 490;
const TRIES = 5;

interface Line {
  sku: string;
  quantity: number;
}
interface Order {
  id: string;
  customerId: string;
  status: string;
  payBy: string | null;
  amountDue: number;
  total: { amount: number; currency: string };
}
interface Payment {
  reference: string;
  state: "applied" | "waiting" | "unmatched" | "refunded";
}
interface Answer<T> {
  status: number;
  body: T;
}

/** Repeats while there is no answer. Every call here may be repeated: it has a key or a reference. */
async function lockstock<T>(method: string, path: string, body?: object, key?: string) {
  const headers: Record<string, string> = {
    Authorization: `Bearer ${LOCKSTOCK_TOKEN}`,
    "Content-Type": "application/json",
    Prefer: "wait=10",
    ...(key !== undefined && { "Idempotency-Key": encodeURIComponent(key) }),
  };
  for (let tried = 1; ; tried++) {
    const sent = { method, headers, body: body ? JSON.stringify(body) : null };
    const response = await fetch(`${LOCKSTOCK_URL}${path}`, sent).catch(() => null);
    if (response && response.status < 500) {
      return { status: response.status, body: (await response.json()) as T };
    }
    if (tried === TRIES) throw new Error(`${method} ${path}: no answer`);
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tried));
  }
}

/** The customer sends a cart with a key of its own for each checkout. */
async function checkout(customerId: string, cart: { key: string; lines: Line[]; total: number }) {
  const expect = { amount: cart.total, currency: "EUR" };
  const amountDue = cart.total + SHIPPING;
  const order = { customerId, lines: cart.lines, expect, amountDue, metadata: { cart: cart.key } };
  const placed = await lockstock<Order>("POST", "/v1/orders", order, `${customerId} ${cart.key}`);
  const { id, status, total, payBy } = placed.body;
  // 409: sold out, over the limit, or another price. The body says which.
  if (placed.status >= 400 || status === "cancelled") return placed;
  const intent = await stripe.paymentIntents.create(
    {
      amount: amountDue,
      currency: total.currency.toLowerCase(),
      metadata: { lockstock_order: id },
    },
    { idempotencyKey: `pay ${id}` },
  );
  return { status: 201, body: { id, payBy, clientSecret: intent.client_secret } };
}

/** Stripe repeats a notice until the answer is 2xx: it may come late, twice, and out of order. */
async function notice(raw: Buffer, signature: string): Promise<Answer<object>> {
  const event = stripe.webhooks.constructEvent(raw, signature, STRIPE_WEBHOOK_SECRET);
  if (event.type !== "payment_intent.succeeded") return { status: 200, body: {} };
  const { id: reference, amount_received: amount, currency, metadata } = event.data.object;
  const orderId = metadata["lockstock_order"];
  if (orderId === undefined) return { status: 200, body: {} };
  const payment = { reference, orderId, amount, currency: currency.toUpperCase() };
  const recorded = await lockstock<{ payment: Payment }>("POST", "/v1/payments", payment);
  if (recorded.body.payment.state === "unmatched") await refundUnmatched();
  return { status: 200, body: recorded.body };
}

/** Also to be called from time to time: a waiting payment becomes unmatched when its order ends. */
async function refundUnmatched(): Promise<void> {
  const path = "/v1/payments?state=unmatched&limit=100";
  const { body } = await lockstock<{ payments: Payment[] }>("GET", path);
  for (const { reference } of body.payments) {
    // With its key the same refund cannot be made twice.
    await stripe.refunds.create({ payment_intent: reference }, { idempotencyKey: reference });
    await lockstock("POST", `/v1/payments/${encodeURIComponent(reference)}/refunded`);
  }
}

async function cancel(customerId: string, id: string): Promise<Answer<object>> {
  const { status, body } = await lockstock<Order>("GET", `/v1/orders/${id}`);
  if (status !== 200 || body.customerId !== customerId) return { status: 404, body: {} };
  return await lockstock<Order>("POST", `/v1/orders/${id}/cancel`);
}

/** Goods came back. `key`: of the parcel, so that it counts once. */
async function takeBack(id: string, parcel: { key: string; lines: Line[]; refund: number }) {
  const body = { lines: parcel.lines, restock: true, reason: `parcel ${parcel.key}` };
  const recorded = await lockstock<object>("POST", `/v1/orders/${id}/returns`, body, parcel.key);
  if (recorded.status >= 400) return recorded;
  const paid = await lockstock<{ payments: Payment[] }>("GET", `/v1/payments?orderId=${id}`);
  const applied = paid.body.payments.find(({ state }) => state === "applied");
  if (applied) {
    const refund = { payment_intent: applied.reference, amount: parcel.refund };
    await stripe.refunds.create(refund, { idempotencyKey: `return ${parcel.key}` });
  }
  return recorded;
}

/** Put your own session here. */
const customerOf = (request: IncomingMessage): string => String(request.headers["x-customer"]);

async function route(request: IncomingMessage, raw: Buffer): Promise<Answer<unknown>> {
  const json = () => JSON.parse(raw.toString());
  const [, area, id = "", action] = (request.url ?? "").split("/");
  if (area === "checkout") return checkout(customerOf(request), json());
  if (area === "stripe") return notice(raw, String(request.headers["stripe-signature"]));
  if (area === "orders" && action === "cancel") return cancel(customerOf(request), id);
  if (area === "orders" && action === "returns") return takeBack(id, json());
  return { status: 404, body: {} };
}

createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => void answer());
  async function answer(): Promise<void> {
    const failed = (error: unknown) => ({ status: 500, body: { error: String(error) } });
    const { status, body } = await route(request, Buffer.concat(chunks)).catch(failed);
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  }
}).listen(Number(PORT), () => console.log(`http://localhost:${PORT}`));
