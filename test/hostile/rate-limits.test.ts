import { env } from "cloudflare:workers";
import { beforeAll, beforeEach, expect, it, vi } from "vitest";
import { networkOf } from "../../src/orders/http/rate-limit.ts";
import { eventually } from "../support/eventually.ts";
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

const thisMinute = (): number => Math.floor(Date.now() / MINUTE_MS);
let isCounted = true;
beforeEach(() => {
  vi.spyOn(console, "warn").mockImplementation((line) => {
    if (String(line).includes("rate_limit.check_failed")) isCounted = false;
  });
});

/**
 * Does what counts up to a limit. The local limiter counts in minutes of the clock, and a call that it
 * does not answer within a second is let pass: where either has come between, it is done anew, by
 * somebody else.
 */
async function counting(work: () => Promise<void>): Promise<void> {
  for (;;) {
    const minute = thisMinute();
    isCounted = true;
    try {
      return await work();
    } catch (error) {
      if (isCounted && thisMinute() === minute) throw error;
    }
  }
}

let addresses = 0;
/** An address nobody has called from. */
const newAddress = (): string => `198.51.100.${++addresses}`;

async function statuses(count: number, ask: () => Promise<Response>): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) seen.push((await ask()).status);
  return seen;
}

it("the 61st call of a customer that changes orders is 429 with Retry-After", async () => {
  await counting(async () => {
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
    const placed = await call("POST", "/v1/orders", {
      token: other,
      body: lineOf("CUP"),
      vars: ON,
    });
    expect(placed.status).toBe(202);
    const off = await call("POST", "/v1/orders", { token, body: lineOf("CUP") });
    expect(off.status).toBe(202);
  });
});

it("a call over the limit is refused before its body is read, and costs D1 nothing", async () => {
  await counting(async () => {
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
});

it("the 601st read of a customer is 429, and costs D1 nothing; others go on", async () => {
  await counting(async () => {
    const token = await tokenFor(newCustomer());
    const reads = ["/v1/orders", "/v1/orders/none", "/v1/orders?limit=1"];
    let i = 0;
    const read = () => call("GET", reads[i++ % 3] ?? "", { token, vars: ON });
    expect(new Set(await statuses(600, read))).toEqual(new Set([200, 404]));
    const db = vi.fn<() => never>(() => {
      throw new Error("D1 was asked");
    });
    const vars = { ...ON, DB: { prepare: db, batch: db } as unknown as D1Database };
    for (const path of [...reads, "/v1/feed"]) {
      const refused = await call("GET", path, { token, vars });
      expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "60"]);
    }
    const ticket = await call("POST", "/v1/feed/tickets", { token, vars });
    expect(ticket.status).toBe(429);
    expect(db).not.toHaveBeenCalled();
    const other = await tokenFor(newCustomer());
    expect((await call("GET", "/v1/orders", { token: other, vars: ON })).status).toBe(200);
    const place = await call("POST", "/v1/orders", { token, body: lineOf("CUP"), vars: ON });
    expect(place.status).toBe(202);
  });
});

it("nobody counts for another: a token that is not valid uses up no customer's reads", async () => {
  const [customer, header] = [newCustomer(), btoa('{"alg":"HS256"}')];
  const forged = `${header}.${btoa(JSON.stringify({ sub: customer, exp: 9e9 }))}.AAAA`;
  const read = () => call("GET", "/v1/orders", { token: forged, vars: ON });
  expect(new Set(await statuses(605, read))).toEqual(new Set([401]));
  const token = await tokenFor(customer);
  expect((await call("GET", "/v1/orders", { token, vars: ON })).status).toBe(200);
});

it("an address over its limit still reads what is in memory, and nothing else", async () => {
  const asked: string[] = [];
  const RATE_LOOKS = {
    limit: async ({ key }: { key: string }) => {
      asked.push(key);
      return { success: key === "192.0.2.1" };
    },
  };
  const from = (address: string, path: string) =>
    call("GET", path, { headers: { "CF-Connecting-IP": address }, vars: { ...ON, RATE_LOOKS } });
  const lookAfterAnother = async () => {
    expect((await from("192.0.2.1", "/v1/items/CUP")).status).toBe(200);
    return (await from("192.0.2.2", "/v1/items/CUP")).status;
  };
  // What is in memory is kept for a second, which a busy machine may take for one call.
  await eventually(async () => expect(await lookAfterAnother()).toBe(200));
  for (const path of ["/v1/items/NONE-OTHER", "/v1/items?limit=77", "/v1/items?sku=CUP,NONE-X"]) {
    const refused = await from("192.0.2.2", path);
    expect([refused.status, refused.headers.get("Retry-After")]).toEqual([429, "60"]);
    expect((await from("192.0.2.1", path)).status).not.toBe(429);
  }
  expect(new Set(asked)).toEqual(new Set(["192.0.2.1", "192.0.2.2"]));
});

it("1,200 looks a minute are configured for an address, and 600 reads for a customer", async () => {
  await counting(async () => {
    const other = await tokenFor(newCustomer());
    expect((await call("GET", "/v1/orders", { token: other, vars: ON })).status).toBe(200);
    const key = newAddress();
    const allowed = await Promise.all(
      Array.from({ length: 1_201 }, () => env.RATE_LOOKS.limit({ key })),
    );
    expect(allowed.filter(({ success }) => !success)).toHaveLength(1);
  });
});

it("600 checks of new guests a minute are configured for an address", async () => {
  await counting(async () => {
    const key = newAddress();
    const allowed = await Promise.all(
      Array.from({ length: 601 }, () => env.RATE_CHECKS.limit({ key })),
    );
    expect(allowed.filter(({ success }) => !success)).toHaveLength(1);
    // Counted apart from guests without a check.
    expect((await env.RATE_GUESTS.limit({ key })).success).toBe(true);
  });
});

it("operators are not limited", async () => {
  const token = await operatorToken();
  const pay = () => call("POST", "/v1/orders/none/pay", { token, vars: ON });
  expect(new Set(await statuses(65, pay))).toEqual(new Set([404]));
  const cancel = () => call("POST", "/v1/orders/none/cancel", { token, vars: ON });
  expect(new Set(await statuses(65, cancel))).toEqual(new Set([404]));
});

it("the 301st guest of an address is 429, one of another address is not", async () => {
  await counting(async () => {
    const from = (address: string) =>
      call("POST", "/v1/guests", { headers: { "CF-Connecting-IP": address }, vars: ON });
    const address = newAddress();
    expect(new Set(await statuses(300, () => from(address)))).toEqual(new Set([201]));
    const refused = await from(address);
    expect(refused.status).toBe(429);
    expect(refused.headers.get("Retry-After")).toBe("60");
    expect((await from(newAddress())).status).toBe(201);
  });
});

it("a limiter that fails or hangs limits nobody", async () => {
  const failing = { limit: () => Promise.reject(new Error("away")) };
  const hanging = { limit: () => new Promise<never>(() => undefined) };
  for (const limiter of [failing, hanging]) {
    const vars = {
      ...ON,
      RATE_GUESTS: limiter,
      RATE_ORDERS: limiter,
      RATE_READS: limiter,
      RATE_LOOKS: limiter,
    };
    expect((await call("POST", "/v1/guests", { vars })).status).toBe(201);
    const token = await tokenFor(newCustomer());
    expect((await call("GET", "/v1/orders", { token, vars })).status).toBe(200);
    expect((await call("GET", `/v1/items/LIMITER-${Math.random()}`, { vars })).status).toBe(404);
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
