import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { wronglyAccepted } from "./support/accepted.ts";
import { written } from "./support/answers.ts";
import { type Hostile, headerText, hostile, text, TIMES } from "./support/inputs.ts";
import { objections } from "./support/objections.ts";
import { nameOf, type Route, ROUTES, SKU } from "./support/routes.ts";
import {
  addItem,
  call,
  lineOf,
  migrate,
  operatorToken,
  tokenFor,
  varsOf,
} from "./support/worker.ts";

interface Call {
  sent: Hostile;
  token: string | undefined;
}

const RUNS = 40;
/** Nothing waits for long here: the longest wait a client may ask for is 10 s. */
const ANSWER_MS = 15_000;

/** Routes that are really there: one that is new must be described before this passes. */
const routes = [...new Set(app.routes.filter(({ method }) => method !== "ALL").map(nameOf))];
const described = ROUTES.filter((route) => routes.includes(nameOf(route)));

const A_TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/i;

const good = { sku: SKU, id: "" };
let customer = "";
let operator = "";
/** Who calls: where a customer and a service may, both do. */
const callers = ({ who, scopes }: Route) =>
  fc.constantFrom(
    ...(who === "anyone" ? [undefined] : []),
    ...(who === "customer" ? [customer] : []),
    ...(scopes ? [operator] : []),
  );

/** A good call and one that goes nowhere: what is drawn may by chance have one answer only. */
const certain = (route: Route) =>
  [good, { sku: "%2e%2e", id: "%2e%2e" }].map(({ sku, id }, i): [Call] => {
    const path = route.path.replace(":sku", sku).replace(":id", id);
    const body = route.body && (i === 0 ? JSON.stringify(route.body) : "{");
    const token = route.scopes ? operator : route.who === "customer" ? customer : undefined;
    const headers: Hostile["headers"] = route.hasKey ? { "Idempotency-Key": "a-key" } : {};
    return [{ sent: { path, headers, body }, token }];
  });

beforeAll(async () => {
  await migrate();
  await addItem(SKU);
  customer = await tokenFor("fuzzer");
  operator = await operatorToken();
  const placed = await call("POST", "/v1/orders", { token: customer, body: lineOf(SKU) });
  good.id = ((await placed.json()) as { id: string }).id;
});

beforeEach(async () => {
  // The absent stock Worker is logged each time, and that is not what this looks at.
  vi.spyOn(console, "warn").mockReturnValue(undefined);
  await env.DB.prepare(
    "INSERT OR IGNORE INTO dead_letters VALUES (?, 'order-events', '{}', 10, 'broken', 1)",
  )
    .bind(good.id)
    .run();
  await env.DB.prepare(
    `INSERT OR IGNORE INTO webhooks (id, url, types, secret, starts_after, created_at)
     VALUES (?, 'http://localhost:9/', '["item.sold_out"]', 'whsec_c2VjcmV0', 'e-0-end', 1)`,
  )
    .bind(good.id)
    .run();
});

it("every route is described, so that it is fuzzed", () => {
  expect(routes.filter((name) => !ROUTES.some((route) => nameOf(route) === name))).toEqual([]);
  expect(described.length).toBe(routes.length);
});

describe("whatever is sent, no error is unexpected and a refusal writes nothing:", () => {
  it.each(described.map((route) => [nameOf(route), route] as const))("%s", async (_, route) => {
    const statuses = new Set<number>();
    let before = await written();
    const calls = fc.record({ sent: hostile(route, good), token: callers(route) });
    const property = fc.asyncProperty(calls, async ({ sent, token }) => {
      const { path, headers, body } = sent;
      const response = await within(
        call(route.method, path, { token, headers, body, vars: varsOf(route) }),
      );
      statuses.add(response.status);
      response.webSocket?.accept();
      response.webSocket?.close(1000);
      expect(await objections(response, route.needsStock === true)).toEqual([]);
      if (response.status < 400) before = await written();
      expect(await wronglyAccepted(route, { headers, body }, response)).toEqual([]);
      expect(await written()).toEqual(before);
    });
    await fc.assert(property, { numRuns: RUNS, examples: certain(route) });
    // A fuzz that only ever gets the same answer would test nothing but the door.
    const isVaried =
      !route.isSigned &&
      (route.body !== undefined || /:(sku|id)/.test(route.path)) &&
      !route.path.includes(":eventId");
    expect(statuses.size).toBeGreaterThan(isVaried ? 1 : 0);
  });
});

it("no handshake of a feed has an unexpected error, and only a time is a since", async () => {
  const token = fc.constantFrom(customer, undefined);
  const sinces = fc.oneof(text, fc.constantFrom(...TIMES));
  const statuses = new Set<number>();
  const property = fc.asyncProperty(token, sinces, headerText, async (own, since, protocol) => {
    const path = `/v1/feed?since=${encodeURIComponent(since.toWellFormed())}`;
    const headers = {
      Upgrade: "websocket",
      "Sec-WebSocket-Protocol": `lockstock.v1, bearer.${protocol}`,
    };
    const response = await within(call("GET", path, { token: own, headers }));
    statuses.add(response.status);
    response.webSocket?.accept();
    response.webSocket?.close(1000);
    expect(await objections(response, false)).toEqual([]);
    // Without a token the socket is closed before anything else is looked at.
    const isOpen = own !== undefined && response.status === 101;
    expect(isOpen && !A_TIME.test(since) ? since : null).toBeNull();
  });
  await fc.assert(property, { numRuns: 2 * RUNS });
  // Who leaves eight closes unanswered gets a plain 429, and on a busy machine a close takes its time.
  statuses.delete(429);
  expect([...statuses].toSorted((a, b) => a - b)).toEqual([101, 400]);
});

it("a method that a path does not have is 405 with those it has, and writes nothing", async () => {
  const before = await written();
  for (const { path } of described) {
    for (const method of ["LOCK", "OPTIONS", "PROPFIND"]) {
      const response = await call(method, path, { token: operator });
      expect([path, method, response.status]).toEqual([path, method, 405]);
      expect(response.headers.get("Allow")).toMatch(/^[A-Z]+(, [A-Z]+)*$/);
      expect(await objections(response, false)).toEqual([]);
    }
  }
  expect(await written()).toEqual(before);
});

async function within(answer: Promise<Response>): Promise<Response> {
  const late = new Promise<never>((_, reject) =>
    setTimeout(() => reject(new Error(`no answer within ${ANSWER_MS} ms`)), ANSWER_MS),
  );
  return await Promise.race([answer, late]);
}
