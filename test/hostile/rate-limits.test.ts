import { beforeAll, beforeEach, expect, it, vi } from "vitest";
import { networkOf } from "../../src/orders/http/rate-limit.ts";
import {
  addItem,
  call,
  lineOf,
  migrate,
  newCustomer,
  operatorToken,
  tokenFor,
} from "./support/worker.ts";

const ON = { RATE_LIMIT: "on" };
const MINUTE_MS = 60_000;

beforeAll(async () => {
  await migrate();
  await addItem("CUP");
});

beforeEach(async () => {
  // The local limiter counts in minutes of the clock: one that ends within a test would start anew.
  const left_ms = MINUTE_MS - (Date.now() % MINUTE_MS);
  if (left_ms < 8_000) await new Promise((resolve) => setTimeout(resolve, left_ms));
});

async function statuses(count: number, ask: () => Promise<Response>): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) seen.push((await ask()).status);
  return seen;
}

it("the 61st call of a customer that changes orders is 429 with Retry-After", async () => {
  const token = await tokenFor(newCustomer());
  const cancel = () => call("POST", "/v1/orders/none/cancel", { token, vars: ON });
  expect(await statuses(60, cancel)).toEqual(Array.from({ length: 60 }, () => 404));
  const refused = await call("POST", "/v1/orders", { token, body: lineOf("CUP"), vars: ON });
  expect(refused.status).toBe(429);
  expect(refused.headers.get("Retry-After")).toBe("60");
  expect(refused.headers.get("Content-Type")).toBe("application/problem+json");
  expect(await refused.json()).toMatchObject({ code: "rate_limited", status: 429 });

  // Reading goes on, other customers are not touched, and nobody who turns it off is.
  expect((await call("GET", "/v1/orders", { token, vars: ON })).status).toBe(200);
  const other = await tokenFor(newCustomer());
  const placed = await call("POST", "/v1/orders", { token: other, body: lineOf("CUP"), vars: ON });
  expect(placed.status).toBe(202);
  const off = await call("POST", "/v1/orders", { token, body: lineOf("CUP") });
  expect(off.status).toBe(202);
});

it("a call over the limit is refused before its body is read, and costs D1 nothing", async () => {
  const token = await tokenFor(newCustomer());
  await statuses(60, () => call("POST", "/v1/orders/none/cancel", { token, vars: ON }));
  const db = vi.fn<() => never>(() => {
    throw new Error("D1 was asked");
  });
  const vars = { ...ON, DB: { prepare: db, batch: db } as unknown as D1Database };
  const refused = await call("POST", "/v1/orders", { token, body: "{ no JSON", vars });
  expect(refused.status).toBe(429);
  expect(db).not.toHaveBeenCalled();
});

it("operators are not limited", async () => {
  const token = await operatorToken();
  const pay = () => call("POST", "/v1/orders/none/pay", { token, vars: ON });
  expect(new Set(await statuses(65, pay))).toEqual(new Set([404]));
  const cancel = () => call("POST", "/v1/orders/none/cancel", { token, vars: ON });
  expect(new Set(await statuses(65, cancel))).toEqual(new Set([404]));
});

it("the 31st guest of an address is 429, one of another address is not", async () => {
  const from = (address: string) =>
    call("POST", "/v1/guests", { headers: { "CF-Connecting-IP": address }, vars: ON });
  expect(new Set(await statuses(30, () => from("192.0.2.1")))).toEqual(new Set([201]));
  const refused = await from("192.0.2.1");
  expect(refused.status).toBe(429);
  expect(refused.headers.get("Retry-After")).toBe("60");
  expect((await from("192.0.2.2")).status).toBe(201);
});

it("a limiter that fails or hangs limits nobody", async () => {
  const failing = { limit: () => Promise.reject(new Error("away")) };
  const hanging = { limit: () => new Promise<never>(() => undefined) };
  for (const limiter of [failing, hanging]) {
    const vars = { ...ON, RATE_GUESTS: limiter, RATE_ORDERS: limiter };
    expect((await call("POST", "/v1/guests", { vars })).status).toBe(201);
  }
});

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"],
  ["2001:DB8::5", "2001:db8:0:0::/64"],
  ["2001:0db8:0000:0000:ffff::1", "2001:db8:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
  ["2001:db8:1:2::", "2001:db8:1:2::/64"],
  ["", ""],
])("the address %s is counted as %s", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
