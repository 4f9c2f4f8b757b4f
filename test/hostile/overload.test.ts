import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { Hono } from "hono";
import { afterEach, beforeAll, expect, it, vi } from "vitest";
import { concurrencyLimit } from "../../src/orders/http/concurrency-limit.ts";
import { Problem, problemResponse } from "../../src/orders/http/problem.ts";
import { eventually } from "../support/eventually.ts";
import { addItem, call, lineOf, migrate, tokenFor } from "./support/worker.ts";

beforeAll(async () => {
  await migrate();
  await addItem("CUP");
});
afterEach(() => void vi.useRealTimers());

it("of 6,000 orders at once all that are accepted exist, and all others are 503 with Retry-After", async () => {
  const tokens = await Promise.all(Array.from({ length: 40 }, (_, i) => tokenFor(`crowd-${i}`)));
  const answers = await Promise.all(
    Array.from({ length: 6_000 }, async (_, i) => {
      const options = { token: tokens[i % tokens.length], body: lineOf("CUP") };
      const response = await call("POST", "/v1/orders", options);
      const { id = "", code = "" } = (await response.json()) as { id?: string; code?: string };
      return { status: response.status, retryAfter: response.headers.get("Retry-After"), id, code };
    }),
  );
  const accepted = answers.filter(({ status }) => status === 202);
  const shed = answers.filter(({ status }) => status === 503);
  expect(accepted.length + shed.length).toBe(answers.length);
  expect(accepted.length).toBeGreaterThanOrEqual(1_000);
  expect(shed.length).toBeGreaterThanOrEqual(1_000);
  expect(new Set(shed.map(({ retryAfter, code }) => `${code} ${retryAfter}`))).toEqual(
    new Set(["unavailable 2"]),
  );
  const { results } = await env.DB.prepare("SELECT id FROM orders").all<{ id: string }>();
  expect(results.map(({ id }) => id).toSorted()).toEqual(accepted.map(({ id }) => id).toSorted());

  // It is over at once: the next one is taken.
  const next = await call("POST", "/v1/orders", { token: tokens[0], body: lineOf("CUP") });
  expect(next.status).toBe(202);
});

const LEASE_MS = 60_000;

/** A route with a limit of its own, whose calls go on until the test lets them. */
function limitedRoute(limit: number) {
  const going: (() => void)[] = [];
  const { rejectWhenFull, holdSlot } = concurrencyLimit(limit, LEASE_MS);
  const app = new Hono().post("/", rejectWhenFull, holdSlot, async (c) => {
    await new Promise<void>((resolve) => going.push(resolve));
    return c.text("done");
  });
  app.onError((error, c) => problemResponse(c, error as Problem));
  const post = async () => app.request("/", { method: "POST" }, {}, createExecutionContext());
  return { going, post };
}

it("a crowd past the limit is 503 with Retry-After at once, and let in again when it is less", async () => {
  const { going, post } = limitedRoute(2);
  const [first, second] = [post(), post()];
  const third = await post();
  expect(third.status).toBe(503);
  expect(third.headers.get("Retry-After")).toBe("2");
  expect(await third.json()).toMatchObject({ code: "unavailable" });
  expect(going.length).toBe(2);

  going[0]?.();
  expect((await first).status).toBe(200);
  const fourth = post();
  expect((await post()).status).toBe(503);
  for (const go of going) go();
  expect([(await second).status, (await fourth).status]).toEqual([200, 200]);
});

it("a call that never ends gives its place back when its lease is over", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const { going, post } = limitedRoute(1);
  const stuck = post();
  vi.setSystemTime(Date.now() + LEASE_MS - 1);
  expect((await post()).status).toBe(503);
  vi.setSystemTime(Date.now() + 1);
  const next = post();
  await eventually(() => expect(going.length).toBe(2));
  for (const go of going) go();
  expect([(await stuck).status, (await next).status]).toEqual([200, 200]);
});

it("a call that fails makes room as well", async () => {
  const { rejectWhenFull, holdSlot } = concurrencyLimit(1, LEASE_MS);
  const app = new Hono().get("/", rejectWhenFull, holdSlot, () => {
    throw new Error("broken");
  });
  app.onError((_, c) => c.text("failed", 500));
  for (let i = 0; i < 3; i++) {
    expect((await app.request("/", {}, {}, createExecutionContext())).status).toBe(500);
  }
});

it("a caller without a token, or past the rate limit, takes no place of those who order", async () => {
  const closed = { limit: async () => ({ success: false }) };
  const vars = { RATE_LIMIT: "on", RATE_ORDERS: closed };
  const token = await tokenFor("limited");
  const post = (options: object) => call("POST", "/v1/orders", { body: lineOf("CUP"), ...options });
  const refused = await Promise.all([
    ...Array.from({ length: 2_100 }, () => post({})),
    ...Array.from({ length: 2_100 }, () => post({ token, vars })),
  ]);
  expect(new Set(refused.map(({ status }) => status))).toEqual(new Set([401, 429]));
});
