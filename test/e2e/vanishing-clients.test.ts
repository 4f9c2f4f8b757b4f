import { connect } from "node:net";
import Stripe from "stripe";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tokenOf } from "../../bench/lib/orders.ts";
import { type Stack, startStack } from "../../bench/lib/stack.ts";
import { QUEUE } from "../../bench/lib/systems.ts";
import { INSERT_ORDERS, orderRow } from "../support/order.ts";
import { until } from "./support/until.ts";

/**
 * Clients that hang up in the middle of a call, on workerd's own socket: the proxy of `wrangler dev`
 * would keep the Worker's side of the connection open.
 */
let stack: Stack;
const SECRET = "whsec_5WbX5kEWLlfzsGNjH64I8lOOqUB6e8FH";
beforeAll(async () => {
  const vars = { ...QUEUE.stack.vars, STRIPE_WEBHOOK_SECRET: SECRET };
  stack = await startStack({ ...QUEUE.stack, vars });
}, 240_000);
afterAll(() => stack.stop());

const AT_ONCE = 100;

/** Sends the text and resets the connection (RST, not FIN) after so long, or within the answer. */
function hangUp(text: string, after: number | "some of the answer"): Promise<void> {
  return new Promise((done) => {
    const socket = connect(Number(new URL(stack.base).port), "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("close", () => done());
    socket.on("connect", () => {
      socket.write(text);
      const reset = () => void socket.resetAndDestroy();
      if (typeof after === "number") setTimeout(reset, after);
      else socket.once("data", reset);
    });
  });
}

async function hangUpTimes(count: number, text: string, after_ms: number): Promise<void> {
  for (let made = 0; made < count; made += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, () => hangUp(text, after_ms)));
  }
}

const auth = async (subject: string) => `Authorization: Bearer ${await tokenOf(subject)}`;

async function place(subject: string, sku: string): Promise<Response> {
  return fetch(`${stack.base}/v1/orders`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${await tokenOf(subject)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ lines: [{ sku, quantity: 1 }] }),
  });
}

async function stocked(sku: string): Promise<string> {
  for (const { method, path, headers, body } of await QUEUE.stock(sku, 100)) {
    const { status } = await fetch(stack.base + path, { method, headers, body: body ?? null });
    expect(status).toBeLessThan(300);
  }
  return sku;
}

test("2,100 orders whose clients reset the connection within the body keep no place of the next", async () => {
  const sku = await stocked("CUP");
  const head = [
    "POST /v1/orders HTTP/1.1",
    "Host: localhost",
    await auth("gone"),
    "Content-Type: application/json",
    "Content-Length: 60",
  ];
  await hangUpTimes(2_100, `${head.join("\r\n")}\r\n\r\n{`, 60);
  expect((await place("stays", sku)).status).toBe(202);
}, 240_000);

test("300 notices whose clients reset the connection within the body keep no place of Stripe's", async () => {
  const head = ["POST /v1/payments/stripe HTTP/1.1", "Host: localhost", "Content-Length: 60"];
  await hangUpTimes(300, `${head.join("\r\n")}\r\n\r\n{`, 60);
  const body = JSON.stringify({ type: "payment_intent.succeeded", data: { object: {} } });
  const signed = { payload: body, secret: SECRET };
  const signature = await new Stripe("sk_test_x").webhooks.generateTestHeaderStringAsync(signed);
  const headers = { "stripe-signature": signature, "content-type": "application/json" };
  const url = `${stack.base}/v1/payments/stripe`;
  expect((await fetch(url, { method: "POST", headers, body })).status).toBe(200);
}, 240_000);

/** Resets requests in the midst of a shared read, whoever leads it, while a reader who stays reads. */
async function amongVanishing(request: string, read: () => Promise<Response>): Promise<number> {
  let slowest_ms = 0;
  for (let round = 0; round < 8; round++) {
    const vanishing = [0, 100, 300, 700].map((after_ms) => hangUp(request, after_ms));
    // Joins the round that one of these leads.
    await new Promise((resolve) => setTimeout(resolve, 40 * round));
    const start_ms = performance.now();
    expect((await read()).status).toBe(200);
    slowest_ms = Math.max(slowest_ms, performance.now() - start_ms);
    await Promise.all(vanishing);
  }
  return slowest_ms;
}

test("a reader of the catalogue gets an answer though those that led its reads have gone", async () => {
  const sku = await stocked("READ-TOGETHER");
  const request = `GET /v1/items/${sku} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const read = () => fetch(`${stack.base}/v1/items/${sku}`);
  expect(await amongVanishing(request, read)).toBeLessThan(4_000);
}, 240_000);

test("one who waits for an order gets an answer though those that led its reads have gone", async () => {
  const sku = await stocked("WAITED-FOR");
  const { id } = (await (await place("waits", sku)).json()) as { id: string };
  const own = await auth("waits");
  const request = [`GET /v1/orders/${id} HTTP/1.1`, "Host: localhost", own, "Prefer: wait=5"];
  const headers = { authorization: own.replace("Authorization: ", ""), prefer: "wait=5" };
  const read = () => fetch(`${stack.base}/v1/orders/${id}`, { headers });
  const text = `${request.join("\r\n")}\r\n\r\n`;
  expect(await amongVanishing(text, read)).toBeLessThan(4_000);
}, 240_000);

test("500 readers of changes who reset their connection while they wait hold up no other", async () => {
  const token = await tokenOf("shop", "operations:read");
  const url = new URL("/v1/changes?limit=1", stack.base);
  const headers = { authorization: `Bearer ${token}` };
  const read = async (after: string, wait: number) => {
    const own = { ...headers, prefer: `wait=${wait}` };
    const response = await fetch(`${url.href}${after && `&after=${after}`}`, { headers: own });
    return (await response.json()) as { changes: unknown[]; nextCursor: string };
  };
  let end = "";
  for (let page = await read(end, 0); page.changes.length > 0; page = await read(end, 0)) {
    end = page.nextCursor;
  }
  const head = [
    `GET /v1/changes?after=${end} HTTP/1.1`,
    "Host: localhost",
    `Authorization: Bearer ${token}`,
    "Prefer: wait=10",
  ];
  await hangUpTimes(500, `${head.join("\r\n")}\r\n\r\n`, 60);
  const next = until("the change", async () => {
    const { changes } = await read(end, 5);
    return changes.length > 0 ? changes : undefined;
  });
  await place("stays", "WAITED-FOR");
  expect(await next).toHaveLength(1);
}, 240_000);

const EXPORTED = 20_000;
const FIRST_MS = Date.parse("2026-01-01T00:00:00Z");

/** Orders of one time: as an export more than the sockets' buffers hold. */
const INSERT_EXPORTED = `INSERT INTO orders (id, customer_id, status, lines, total_amount, currency,
    revision, placed_at, updated_at, history)
  WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ${EXPORTED - 1})
  SELECT printf('%08x-%04x-7000-8000-%012x', (${FIRST_MS} + i) >> 16, (${FIRST_MS} + i) & 65535, i),
    'ann', 'pending', '[{"sku":"CUP","name":"${"x".repeat(300)}","quantity":1,"price":{}}]',
    1, 'EUR', 1, ${FIRST_MS} + i, ${FIRST_MS} + i, '[]' FROM n`;

test("20 readers that vanish in the middle of an export keep no place of the next, and cost nothing more", async () => {
  await stack.read(INSERT_EXPORTED);
  const path = "/v1/operations/orders/export?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z";
  const authorization = `Bearer ${await tokenOf("books", "operations:read")}`;
  const head = [`GET ${path} HTTP/1.1`, "Host: localhost", `Authorization: ${authorization}`];
  const call = `${[...head, "Accept: application/x-ndjson"].join("\r\n")}\r\n\r\n`;
  const aborted = () => stack.logged.get("export.aborted") ?? 0;
  for (let i = 1; i <= 20; i++) {
    await hangUp(call, "some of the answer");
    // So the Worker has heard of it: its stream was cancelled, and it reads no further page.
    await until("the end of the export", async () => aborted() === i);
  }
  const headers = { authorization, accept: "application/x-ndjson" };
  const whole = await (await fetch(stack.base + path, { headers })).text();
  const lines = whole.trimEnd().split("\n");
  expect([lines.length, lines.at(-1)]).toEqual([EXPORTED + 1, '{"next":null}']);
}, 240_000);

/** An order that nobody settles, so that whoever waits for its outcome waits to the end. */
async function pendingOrder(customerId: string): Promise<string> {
  const row = orderRow({ customer_id: customerId, due_at: Date.now() + 86_400_000 });
  await stack.read(INSERT_ORDERS.replace("?", `'${JSON.stringify([row])}'`));
  return row.id;
}

test("2,100 clients that hang up while they wait for an outcome keep no place of the next", async () => {
  const id = await pendingOrder("waiter");
  const token = await tokenOf("waiter");
  /** How long a caller with `Prefer: wait=4` waits, in ms. Without a free place it is answered at once. */
  const look = async () => {
    const from_ms = performance.now();
    const headers = { authorization: `Bearer ${token}`, prefer: "wait=4" };
    const response = await fetch(`${stack.base}/v1/orders/${id}`, { headers });
    expect(await response.json()).toMatchObject({ status: "pending" });
    return performance.now() - from_ms;
  };
  expect(await look()).toBeGreaterThan(3_900);
  const head = [`GET /v1/orders/${id} HTTP/1.1`, "Host: localhost", await auth("waiter")];
  await hangUpTimes(2_100, `${[...head, "Prefer: wait=10"].join("\r\n")}\r\n\r\n`, 300);
  await until("a free place", async () => (await look()) > 3_900);
}, 240_000);
