import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type SaleProgress, type SaleResult } from "../../src/web/sale/figures.ts";
import { runSale } from "../../src/web/sale/sale.ts";

/** A shop that answers orders as a test wants it to; units and levels as they really are there. */
let orders: (number: number) => Response;
let asked: { body: { customerId?: string }; key: string | null; bearer: string | null }[];
let settled: (order: object) => object;

const UNITS = 5;
const BUYERS = 20;
const json = (body: object, status = 200, headers: Record<string, string> = {}) =>
  Response.json(body, { status, headers });
const problem = (status: number, code: string, retryAfter?: string) =>
  json(
    { title: "Too many requests", detail: "Try again in 60 s.", status, code },
    status,
    retryAfter === undefined ? {} : { "Retry-After": retryAfter },
  );
const order = (id: number, status = "pending", reason: string | null = null) => ({
  id: `order-${id}`,
  status,
  reason,
  placedAt: "2026-11-26T10:00:00.000Z",
  updatedAt: "2026-11-26T10:00:00.040Z",
});

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  settled = (one) => ({ ...one, status: "confirmed" });
  const level = { sku: "S", received: UNITS, available: UNITS, held: 0, sold: 0 };
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input, init) => {
    const request = new Request(input, init);
    const { pathname } = new URL(request.url);
    if (pathname === "/v1/orders") {
      const body: { customerId?: string } = await request.json();
      const { headers } = request;
      const [key, bearer] = [headers.get("Idempotency-Key"), headers.get("Authorization")];
      asked.push({ body, key, bearer });
      return orders(asked.length);
    }
    if (pathname.startsWith("/v1/orders/")) {
      return json(settled(order(Number(pathname.split("-").at(-1)))));
    }
    return json(pathname.endsWith("/stock") ? level : {});
  });
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Runs a sale until it ends, at most for so long on its own clock. */
async function run(limit_ms: number): Promise<{ result: SaleResult; seen: SaleProgress[] }> {
  const seen: SaleProgress[] = [];
  let result: SaleResult | undefined;
  const sale = runSale({
    base: "http://shop.test",
    operatorToken: "an operator's",
    sku: "S",
    buyers: BUYERS,
    units: UNITS,
    rate: 100,
    signal: new AbortController().signal,
    onProgress: (progress) => void seen.push(progress),
  }).then((ended) => (result = ended));
  for (let at_ms = 0; at_ms < limit_ms && !result; at_ms += 100) {
    await vi.advanceTimersByTimeAsync(100);
  }
  if (!result) throw new Error(`the sale has not ended within ${limit_ms / 1_000} s`);
  await sale;
  return { result, seen };
}

test("every buyer is a customer of its own with a key of its own, and a service orders for all", async () => {
  orders = (n) => json(order(n), 202);
  const { result } = await run(10_000);
  expect(result.progress).toMatchObject({ confirmed: BUYERS, failed: 0, notice: null });
  expect(new Set(asked.map(({ body }) => body.customerId)).size).toBe(BUYERS);
  expect(new Set(asked.map(({ key }) => key)).size).toBe(BUYERS);
  expect(new Set(asked.map(({ bearer }) => bearer))).toEqual(new Set(["Bearer an operator's"]));
  expect(asked.every(({ body }) => body.customerId?.startsWith("sale-"))).toBe(true);
});

test("who is told to come back comes back then, with the same key, and the sale says so meanwhile", async () => {
  orders = (n) => (n <= BUYERS ? problem(503, "unavailable", "7") : json(order(n), 202));
  const { result, seen } = await run(30_000);
  expect(result.progress).toMatchObject({ confirmed: BUYERS, failed: 0, notice: null });
  const keys = asked.map(({ key }) => key);
  expect(new Set(keys.slice(BUYERS))).toEqual(new Set(keys.slice(0, BUYERS)));
  expect(keys).toHaveLength(2 * BUYERS);
  const notices = seen.flatMap(({ notice }) => notice ?? []);
  expect(notices).toContainEqual(
    expect.stringMatching(/^20 calls have to wait: Too many requests \(503\): .*after [78] s$/),
  );
});

test("buyers who are refused for good by a rate limit are counted as failed, in words, and the sale ends", async () => {
  orders = () => problem(429, "rate_limited", "60");
  const { result, seen } = await run(120_000);
  expect(seen.some(({ notice }) => notice?.includes("Too many requests (429)"))).toBe(true);
  expect(result.progress).toMatchObject({
    phase: "done",
    failed: BUYERS,
    failures: { "Too many requests (429): Try again in 60 s": BUYERS },
  });
});

test("orders that never get an outcome end the sale after three minutes, in words", async () => {
  orders = (n) => json(order(n), 202);
  settled = (one) => one;
  const { result } = await run(200_000);
  expect(result.progress).toMatchObject({
    failed: BUYERS,
    pending: 0,
    failures: { "no outcome within 180 s": BUYERS },
  });
});
