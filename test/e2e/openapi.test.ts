import Stripe from "stripe";
import { v7 } from "uuid";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Document } from "../../openapi/types.ts";
import type { DeadLetter } from "../../src/contract/dead-letter.ts";
import { PROBLEMS } from "../../src/orders/http/problem.ts";
import { SCOPES } from "../../src/orders/http/scopes.ts";
import type { OrderView } from "../../src/orders/order/order.ts";
import { schemaChecker } from "../support/contract.ts";
import { GOOD_TOKEN, Siteverify } from "../support/siteverify.ts";
import { signToken } from "./support/client.ts";
import { ContractClient } from "./support/contract-client.ts";
import { emptyState, start } from "./support/npm-start.ts";
import { catalogueTests, NEW_ITEM, nowhere } from "./support/openapi-catalogue.ts";
import { moneyTests } from "./support/openapi-money.ts";
import { outsideTests } from "./support/openapi-outside.ts";
import { settled } from "./support/settled.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** Every operation of a running stack answers as the contract that it serves says. */

const siteverify = new Siteverify("");
const stack = useStack({
  TURNSTILE_SECRET: "the secret key of the widget",
  TURNSTILE_SITE_KEY: "the site key",
  TURNSTILE_VERIFY_URL: await siteverify.open(),
});
beforeAll(() => void (siteverify.hostname = stack.base.hostname));
afterAll(() => siteverify.close());

let document: Document;
let contract: ContractClient;
let operator: string;
let ada: string;

beforeAll(async () => {
  document = (await (await fetch(new URL("/openapi.json", stack.base))).json()) as Document;
  contract = new ContractClient(document, () => stack.base);
  operator = await stack.token("operator", { scope: "operator" });
  ada = await stack.token("ada");
});

const linesOf = (sku: string, quantity = 1) => ({ lines: [{ sku, quantity }] });

test("without a token, or with one that is not enough, every protected call says so", async () => {
  for (const { operation } of contract.calls) {
    const { operationId: id, security } = operation;
    if (security.length === 0) continue;
    await contract.call(id, 401);
    await contract.call(id, 401, { token: "no.token.at-all" });
    const isScoped = security.some(({ bearer }) => bearer?.includes("operator"));
    const isForCustomers = security.some(({ bearer }) => bearer?.length === 0);
    // A service with a scope that this call does not ask for.
    const accepted = new Set(security.flatMap(({ bearer = [] }) => bearer));
    const scope = Object.keys(SCOPES).find((one) => !accepted.has(one));
    const service = await stack.token("elsewhere", { scope: scope! });
    if (isScoped) await contract.call(id, 403, { token: service });
    if (isScoped && !isForCustomers) await contract.call(id, 403, { token: ada });
  }
});

catalogueTests(() => ({ stack, contract, operator }));

test("placing an order", async () => {
  const token = ada;
  const sku = await stack.operator.stocked(10);
  const headers = { "idempotency-key": v7() };
  const body = linesOf(sku);
  const placed = await contract.call<OrderView>("placeOrder", 202, { token, body, headers });
  await settled(await stack.customer("ada"), [placed.body.id]);
  await contract.call("placeOrder", 200, { token, body, headers });
  await contract.call("placeOrder", 422, { token, body: linesOf(sku, 2), headers });
  await contract.call("placeOrder", 422, { token, body: linesOf(nowhere.sku) });
  await contract.call("placeOrder", 400, { token, body: { lines: [] } });
  await contract.refusesBodies("placeOrder", { token });
  await contract.call("placeOrder", 409, { token, body: linesOf(sku, 100) });
  const expect_ = { amount: 1, currency: "EUR" };
  await contract.call("placeOrder", 409, { token, body: { ...body, expect: expect_ } });
  const rich = { ...body, customerId: "bea", amountDue: 1, metadata: { cart: "7" } };
  await contract.call("placeOrder", 202, { token: operator, body: rich });

  const wait = { ...headers, prefer: "wait=5", "idempotency-key": v7() };
  const waited = await contract.call<OrderView>("placeOrder", 201, { token, body, headers: wait });
  expect(waited.headers.get("preference-applied")).toBe("wait=5");
  await contract.call("placeOrder", 201, { token, body, headers: wait });
  await contract.call("cancelOrder", 200, { token, path: { id: waited.body.id } });
  await contract.call("placeOrder", 200, { token, body, headers: wait });
});

test("an order that is refused", async () => {
  const token = ada;
  const prefer = "wait=5";
  // Nothing is known of its level yet, so no gate is closed and the stock item has to decide.
  const empty = `SKU-${v7()}`;
  await stack.operator.call("PUT", `/v1/items/${empty}`, NEW_ITEM);
  const headers = { prefer, "idempotency-key": v7() };
  const refused = await contract.call("placeOrder", 409, { token, body: linesOf(empty), headers });
  expect(refused.body).toMatchObject({ code: "out_of_stock", order: { status: "cancelled" } });
  const again = await contract.call("placeOrder", 409, { token, body: linesOf(empty), headers });
  expect(again.headers.get("idempotency-replayed")).toBe("true");

  const limited = await stack.operator.stocked(5);
  await stack.operator.call("PUT", `/v1/items/${limited}`, { ...NEW_ITEM, limitPerCustomer: 1 });
  await contract.call("placeOrder", 409, { token, body: linesOf(limited, 2), headers: { prefer } });

  const early = await stack.operator.stocked(5);
  const saleStartsAt = "2126-01-01T00:00:00Z";
  await stack.operator.call("PUT", `/v1/items/${early}`, { ...NEW_ITEM, saleStartsAt });
  await contract.call("placeOrder", 409, { token, body: linesOf(early) });
});

test("an order's life", async () => {
  const token = ada;
  const sku = await stack.operator.stocked(10);
  const headers = { prefer: "wait=5" };
  const place = async () =>
    (await contract.call<OrderView>("placeOrder", 201, { token, body: linesOf(sku), headers })).body
      .id;
  const paid = { id: await place() };
  const cancelled = { id: await place() };

  await contract.call("getOrder", 200, { token, path: paid, headers });
  await contract.call("getOrder", 404, { token, path: nowhere, headers });
  await contract.call("getOrder", 404, { token: await stack.token("eve"), path: paid });
  await contract.call("payOrder", 200, { token: operator, path: paid });
  await contract.call("payOrder", 404, { token: operator, path: nowhere });
  await contract.call("cancelOrder", 409, { token, path: paid });
  await contract.call("cancelOrder", 200, { token, path: cancelled });
  await contract.call("cancelOrder", 404, { token, path: { id: "no-id" } });
  await contract.call("payOrder", 409, { token: operator, path: cancelled });

  await contract.call("getHistory", 200, { token: operator, path: paid });
  await contract.call("getHistory", 404, { token: operator, path: nowhere });
  for (const [id, own] of [
    ["listOrders", token],
    ["listAllOrders", operator],
  ] as const) {
    const query = { status: "paid", limit: "1" };
    await contract.call(id, 200, { token: own, query });
    await contract.call(id, 200, { token: own });
    await contract.call(id, 400, { token: own, query: { status: "lost" } });
  }
});

moneyTests(() => ({ stack, contract, operator }));
outsideTests(() => ({ stack, contract, operator }));

test("exporting orders, of which some were paid, returned and refunded before", async () => {
  const token = operator;
  const query = { from: "2020-01-01T00:00:00Z", to: "2120-01-01T00:00:00Z" };
  await contract.call("exportOrders", 200, { token, query });
  const headers = { accept: "application/x-ndjson" };
  await contract.call("exportOrders", 200, { token, query, headers });
  await contract.call("exportOrders", 200, { token, query: { ...query, after: nowhere.id } });
  await contract.call("exportOrders", 400, { token, query: { from: query.from } });
  await contract.call("exportOrders", 406, { token, query, headers: { accept: "image/png" } });
});

test("the feed and what it says", async () => {
  const headers = { authorization: `Bearer ${ada}` };
  await contract.call("openFeed", 426, { token: ada });
  await contract.call("openFeed", 400, { token: ada, query: { since: "yesterday" } });
  await contract.upgrade("openFeed", headers);
  await contract.upgrade("openFeed", { ...headers, "Sec-WebSocket-Protocol": "lockstock.v1" });
  await contract.call("createFeedTicket", 401);
  const ticket = await contract.call("createFeedTicket", 201, { token: ada });
  expect(ticket).toBeDefined();

  const sku = await stack.operator.stocked(1);
  const customer = await stack.customer("listener");
  const before = (await customer.place(linesOf(sku).lines)).body.id;
  const feed = await stack.feed("listener");
  await feed.opened();
  await settled(customer, [before]);
  await customer.cancel(before);
  await until("a push", () => feed.messages.length > 1);
  await feed.close();
  const check = schemaChecker(document);
  const [snapshot, ...pushes] = feed.messages;
  expect(check({ $ref: "#/components/schemas/FeedSnapshot" }, snapshot)).toEqual([]);
  for (const push of pushes) {
    expect(check({ $ref: "#/components/schemas/FeedOrder" }, push)).toEqual([]);
  }
});

test("what operators see and do", async () => {
  const token = operator;
  await contract.call("getOperations", 200, { token });
  await contract.call("getMetrics", 200, { token });
  await contract.call("reconcile", 200, { token });
  const { body } = await contract.call("reconcile", 200, { token, body: { repair: true } });
  await contract.call("reconcile", 200, { token, body: { cursor: body["nextCursor"] } });
  await contract.refusesBodies("reconcile", { token });

  const { STOCK_EVENTS: events } = await stack.orders();
  await Promise.all([events.send({ hello: 1 }), events.send("hello 2")]);
  const [replayed, discarded] = await until("two dead letters", async () => {
    type Page = { deadLetters: DeadLetter[] };
    const page = await contract.call<Page>("listDeadLetters", 200, { token });
    return page.body.deadLetters.length >= 2 && page.body.deadLetters;
  });
  await contract.call("listDeadLetters", 200, { token, query: { limit: "1" } });
  await contract.call("listDeadLetters", 400, { token, query: { limit: "none" } });
  await contract.call("replayDeadLetter", 200, { token, path: { id: replayed!.id } });
  await contract.call("replayDeadLetter", 404, { token, path: { id: replayed!.id } });
  // One from before the queues were named anew, whose body does not say where it belongs.
  const { DB } = await stack.orders();
  await DB.prepare(
    "INSERT INTO dead_letters (id, queue, body, attempts, error, at) VALUES ('old', 'gone', '1', 1, '', 1)",
  ).run();
  await contract.call("replayDeadLetter", 400, { token, path: { id: "old" } });
  await contract.call("discardDeadLetter", 204, { token, path: { id: discarded!.id } });
  await contract.call("discardDeadLetter", 404, { token, path: { id: discarded!.id } });
});

const run = "0b0e7a52-6f0e-4d39-9d1b-9b1c1f0c5a11";
const OF_NO_RUN = btoa(JSON.stringify({ run, phase: "orders", after: "" })).replaceAll("=", "");

/** Last but for those that end the stack: it freezes what all others use. */
test("what operators do on the worst day", async () => {
  const token = operator;
  await contract.call("recover", 409, { token });
  await contract.call("freeze", 200, { token });
  const { lines } = linesOf("ANY");
  await contract.call("placeOrder", 503, { token: ada, body: { lines } });
  await contract.call("recover", 409, { token, body: { apply: true } });
  await contract.call("recover", 409, { token, body: { apply: true, cursor: OF_NO_RUN } });
  await contract.call("recover", 200, { token });
  await contract.call("recover", 200, { token, body: { apply: true, force: true } });
  await contract.refusesBodies("recover", { token });
  const sku = await stack.operator.stocked(1);
  const body = { sku, orderId: nowhere.id, action: "release" };
  await contract.call("settleOrphan", 503, { token, body });
  await contract.refusesBodies("thaw", { token });
  const { DB } = await stack.orders();
  await DB.prepare("UPDATE service SET beat = 0").run();
  await contract.call("thaw", 409, { token });
  await contract.call("thaw", 200, { token, body: { force: true } });
  await contract.call("settleOrphan", 409, { token, body });
  await contract.refusesBodies("settleOrphan", { token });
  const customer = await stack.customer("lost");
  const { id } = (await customer.place(linesOf(sku).lines)).body;
  await settled(customer, [id]);
  await DB.prepare("DELETE FROM orders WHERE id = ?").bind(id).run();
  await contract.call("settleOrphan", 200, {
    token,
    body: { ...body, orderId: id, action: "adopt" },
  });
});

test("the service itself", async () => {
  await contract.call("getHealth", 200);
  await contract.call("getConfig", 200);
  await contract.call("getConfig", 400, { query: { fresh: "1" } });
  await contract.call("createGuest", 201, { body: { turnstileToken: GOOD_TOKEN } });
  await contract.call("createGuest", 403, { body: { turnstileToken: "bad" } });
  await contract.call("createGuest", 400);
  await contract.refusesBodies("createGuest", {});
  siteverify.isAway = true;
  await contract.call("createGuest", 503, { body: { turnstileToken: GOOD_TOKEN } });
  siteverify.isAway = false;
  await contract.call("getChallenge", 200);
  for (const id of ["getContract", "getDocs"]) {
    const { headers } = await contract.call(id, 200);
    expect(headers.get("content-security-policy")).toContain("default-src 'self'");
    await contract.call(id, 304, { headers: { "if-none-match": headers.get("etag") ?? "" } });
  }
  expect((await fetch(new URL("/docs.css", stack.base))).status).toBe(200);
});

test("a method that a path does not have is 405 with Allow, and an unknown path 404", async () => {
  const check = schemaChecker(document);
  const methods = ["GET", "POST", "PUT", "PATCH", "DELETE"];
  for (const path of Object.keys(document.paths)) {
    // A word may stand where another path has a parameter: /v1/items/bulk is an item's path too.
    const same = Object.entries(document.paths).filter(([other]) =>
      new RegExp(`^${other.replace(/\{\w+\}/g, "[^/]+")}$`).test(path),
    );
    const own = same.flatMap(([, item]) => Object.keys(item).map((one) => one.toUpperCase()));
    for (const method of methods.filter((one) => !own.includes(one))) {
      const url = new URL(path.replace(/\{\w+\}/g, "x"), stack.base);
      const response = await fetch(url, {
        method,
        headers: { authorization: `Bearer ${operator}` },
      });
      const body: unknown = await response.json();
      const allowed = own.flatMap((one) => (one === "GET" ? ["GET", "HEAD"] : [one]));
      expect([path, method, response.status]).toEqual([path, method, 405]);
      expect(response.headers.get("allow")?.split(", ").toSorted()).toEqual(allowed.toSorted());
      expect(check({ $ref: "#/components/schemas/MethodNotAllowedProblem" }, body)).toEqual([]);
    }
  }
  const lost = await fetch(new URL("/no/such/path", stack.base));
  expect(lost.status).toBe(404);
  expect(check({ $ref: "#/components/schemas/NotFoundProblem" }, await lost.json())).toEqual([]);
});

test("without the stock Worker its calls are 503, and guests can be off", async (context) => {
  const secret = "the secret of the orders Worker alone";
  const stripeSecret = "whsec_of_this_test";
  const vars = {
    AUTH_SECRET: secret,
    GUEST_CHECKOUT: "off",
    STRIPE_WEBHOOK_SECRET: stripeSecret,
  };
  const state = await emptyState(context);
  const alone = await start(context, [`--state=${state}`, "--only=orders"], vars);
  await alone.ready();
  const token = await signToken(secret, "operator", { scope: "operator" });
  const options = { base: alone.base, token, path: { sku: `SKU-${v7()}` } };
  await contract.call("putItem", 201, { ...options, body: NEW_ITEM });
  await contract.call("getStock", 503, options);
  await contract.call("pauseItem", 503, options);
  await contract.call("resumeItem", 503, options);
  await contract.call("getLedger", 503, options);
  await contract.call("getDemand", 503, options);
  const change = { body: { delta: 1, reason: "found" }, headers: { "idempotency-key": v7() } };
  await contract.call("adjustStock", 503, { ...options, ...change });
  const cursor = Buffer.from('{"phase":"locks","sku":"","after":""}').toString("base64url");
  await contract.call("reconcile", 503, { ...options, body: { cursor } });
  await contract.call("createGuest", 404, { base: alone.base });
  await contract.call("getChallenge", 404, { base: alone.base });

  const id = "receiveStripeEvent";
  const event = '{"type":"charge.refunded"}';
  const sign = (payload: string) => ({
    base: alone.base,
    body: payload,
    headers: {
      "stripe-signature": Stripe.webhooks.generateTestHeaderString({
        payload,
        secret: stripeSecret,
      }),
    },
  });
  await contract.call(id, 200, sign(event));
  await contract.call(id, 400, { ...sign(event), body: `${event} ` });
  await contract.call(id, 413, sign("x".repeat(300_000)));
  const coded = { ...sign(event).headers, "content-encoding": "gzip" };
  await contract.call(id, 415, { ...sign(event), headers: coded });
});

test("every operation was called, and has shown every status and code that can be provoked", () => {
  const called = new Set([...contract.seen].map((one) => one.split(" ")[0]));
  const operations = contract.calls.map(({ operation }) => operation.operationId);
  expect(operations.filter((id) => !called.has(id))).toEqual([]);
  // A fault of ours and an overload are not to be had by asking for them, and `fetch` sends no upgrade
  // of another origin (test/hostile/cross-origin.test.ts does).
  const isHard = (one: string) => / (?:429|50[03])$/.test(one) || one === "openFeed 403";
  expect(contract.unseen().filter((one) => !isHard(one))).toEqual([]);
  const unseenCodes = Object.keys(PROBLEMS).filter((code) => !contract.codes.has(code));
  expect(unseenCodes).toEqual(["method_not_allowed", "rate_limited", "internal"]);
});
