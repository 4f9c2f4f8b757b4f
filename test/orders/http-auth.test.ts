import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { addItem, orderNow, pendingOrder } from "./support/data.ts";
import {
  call,
  envWith,
  migrate,
  newCustomer,
  operatorToken,
  problemOf,
  requestFor,
  rowCounts,
  tokenFor,
} from "./support/worker.ts";

beforeAll(async () => {
  await migrate();
  await addItem({}, "CUP");
});
let hours = 0;
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const ID = "01a20446-851e-72a5-baec-d2d124ce9e42";
const key = new TextEncoder().encode(env.AUTH_SECRET!);
const inAnHour = Math.floor(Date.now() / 1000) + 3_600;
const base64url = (value: unknown) =>
  btoa(JSON.stringify(value)).replace(/[+/=]/g, (c) => ({ "+": "-", "/": "_" })[c] ?? "");

const signed = (claims: Record<string, unknown>, alg = "HS256") =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(key);

/** A header that claims RS256, signed with the secret as HS256 would be. */
async function confused(): Promise<string> {
  const head = `${base64url({ alg: "RS256" })}.${base64url({ sub: "c", exp: inAnHour })}`;
  const name = { name: "HMAC", hash: "SHA-256" };
  const hmac = await crypto.subtle.importKey("raw", key, name, false, ["sign"]);
  const mac = await crypto.subtle.sign("HMAC", hmac, new TextEncoder().encode(head));
  const text = btoa(String.fromCharCode(...new Uint8Array(mac)));
  return `${head}.${text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "")}`;
}

describe("a token", () => {
  it.each<[string, () => Promise<string> | string]>([
    ["that is none", () => "hello"],
    ["with a part missing", async () => (await tokenFor("c")).split(".").slice(0, 2).join(".")],
    [
      "with a changed claim",
      async () => {
        const [head, , mac] = (await tokenFor("c")).split(".");
        return `${head}.${base64url({ sub: "victim", exp: inAnHour })}.${mac}`;
      },
    ],
    ["that has run out", () => tokenFor("c", { lasts_s: -31 })],
    ["of another secret", () => tokenFor("c", { secret: "another secret, also long enough" })],
    ["of alg none", () => new UnsecuredJWT({ sub: "c", exp: inAnHour }).encode()],
    ["of RS256 with the secret as its key", confused],
    [
      "really of RS256",
      async () => {
        const { privateKey } = await generateKeyPair("RS256");
        const token = new SignJWT({ sub: "c", exp: inAnHour });
        return token.setProtectedHeader({ alg: "RS256" }).sign(privateKey);
      },
    ],
    ["of HS512", () => signed({ sub: "c", exp: inAnHour }, "HS512")],
    ["without sub", () => signed({ exp: inAnHour })],
    ["with an empty sub", () => signed({ sub: "", exp: inAnHour })],
    ["with a sub of 256 characters", () => signed({ sub: "c".repeat(256), exp: inAnHour })],
    ["without exp", () => signed({ sub: "c" })],
    ["that is not valid yet", () => signed({ sub: "c", exp: inAnHour, nbf: inAnHour - 60 })],
  ])("%s is 401, and nothing is written", async (_name, make) => {
    const before = await rowCounts();
    const token = await Promise.resolve(make());
    const body = { lines: [{ sku: "CUP", quantity: 1 }] };
    const response = await call("POST", "/v1/orders", { token, body });
    expect([response.status, (await problemOf(response)).code]).toEqual([401, "unauthenticated"]);
    expect(await rowCounts()).toEqual(before);
  });

  it.each([
    ["none", {}],
    ["another scheme", { Authorization: "Basic YTpi" }],
    ["an empty one", { Authorization: "Bearer " }],
    ["two", { Authorization: "Bearer a.b.c d.e.f" }],
  ])("missing (%s) is 401", async (_name, headers) => {
    const response = await call("GET", "/v1/orders", { headers: { ...headers } });
    expect(response.status).toBe(401);
  });

  it.each(["bearer", "BEARER", "Bearer"])("may be called %s", async (scheme) => {
    const headers = { Authorization: `${scheme} ${await tokenFor("c")}` };
    expect((await call("GET", "/v1/orders", { headers })).status).toBe(200);
  });
});

const item = { name: "Cup", price: { amount: 1, currency: "EUR" } };
const adjustment = { delta: 5, reason: "found" };

describe("invariant 12: the scope of an operator", () => {
  it.each([
    ["PUT", "/v1/items/CUP", item],
    ["PUT", "/v1/items/NEW", item],
    ["POST", "/v1/items/CUP/stock", adjustment],
    ["GET", "/v1/items/CUP/stock", undefined],
    ["GET", "/v1/items/CUP/ledger", undefined],
    ["GET", "/v1/items/CUP/demand", undefined],
    ["GET", "/v1/dead-letters", undefined],
    ["POST", "/v1/dead-letters/m/replay", undefined],
    ["DELETE", "/v1/dead-letters/m", undefined],
  ])("%s %s needs it: 401 without a token, 403 with another scope", async (method, path, body) => {
    const before = await rowCounts();
    const headers = { "Idempotency-Key": "k" };
    const options = { headers, ...(body !== undefined && { body }) };
    expect((await call(method, path, options)).status).toBe(401);
    for (const scope of [undefined, "", "operators", "Operator", "pre-operator", "a,operator"]) {
      const token = await tokenFor("c", scope === undefined ? {} : { scope });
      const response = await call(method, path, { token, ...options });
      expect([response.status, (await problemOf(response)).code]).toEqual([403, "forbidden"]);
    }
    expect(await rowCounts()).toEqual(before);
  });

  it("may stand among others", async () => {
    const token = await tokenFor("c", { scope: "read operator write" });
    expect((await call("PUT", "/v1/items/CUP", { token, body: item })).status).toBe(200);
  });
});

describe("invariant 12: another customer's order", () => {
  it("is not there to read or to cancel, and an operator's is", async () => {
    const { id, customerId } = await pendingOrder();
    const stranger = await tokenFor(newCustomer());
    expect((await call("GET", `/v1/orders/${id}`, { token: stranger })).status).toBe(404);
    expect((await call("POST", `/v1/orders/${id}/cancel`, { token: stranger })).status).toBe(404);
    expect((await orderNow(id)).status).toBe("pending");
    const list = await call("GET", "/v1/orders", { token: stranger });
    expect(await list.json()).toEqual({ orders: [], nextCursor: null });
    const operator = await operatorToken();
    expect((await call("GET", `/v1/orders/${id}`, { token: operator })).status).toBe(200);
    const token = await tokenFor(customerId);
    expect((await call("GET", `/v1/orders/${id}`, { token })).status).toBe(200);
  });
});

describe("without a key to verify tokens", () => {
  it.each([
    ["GET", "/v1/orders"],
    ["POST", "/v1/orders"],
    ["GET", `/v1/orders/${ID}`],
    ["POST", `/v1/orders/${ID}/cancel`],
    ["PUT", "/v1/items/CUP"],
    ["POST", "/v1/items/CUP/stock"],
    ["GET", "/v1/items/CUP/stock"],
    ["GET", "/v1/items/CUP/ledger"],
    ["GET", "/v1/items/CUP/demand"],
    ["GET", "/v1/dead-letters"],
    ["POST", "/v1/dead-letters/m/replay"],
    ["DELETE", "/v1/dead-letters/m"],
    ["POST", "/v1/guests"],
    ["GET", "/v1/feed"],
  ])("%s %s is 503, with a token or without, and the log says why", async (method, path) => {
    // Each in an hour of its own: the same line is logged once a minute.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 * ++hours });
    const logged = vi.spyOn(console, "error").mockImplementation(() => {});
    const wired = envWith({ AUTH_SECRET: "" });
    const token = await tokenFor("c", { scope: "operator" });
    for (const options of [{ token }, {}]) {
      const response = await app.fetch(
        requestFor(method, path, options),
        wired,
        createExecutionContext(),
      );
      expect([response.status, (await problemOf(response)).code]).toEqual([503, "unavailable"]);
      expect(response.headers.has("Retry-After")).toBe(true);
    }
    const lines = logged.mock.calls.map(([line]) => String(line));
    expect(lines.filter((line) => line.includes("AUTH_SECRET"))).not.toEqual([]);
    expect(lines.join()).not.toContain(token);
  });

  it.each([["/v1/items"], ["/v1/items/CUP"], ["/healthz"]])(
    "%s answers all the same",
    async (path) => {
      const context = createExecutionContext();
      const fetched = app.fetch(requestFor("GET", path), envWith({ AUTH_SECRET: "" }), context);
      expect((await fetched).status).toBe(200);
      await waitOnExecutionContext(context);
    },
  );
});

describe("guests", () => {
  it("get an id and a token that places orders", async () => {
    const response = await call("POST", "/v1/guests");
    expect(response.status).toBe(201);
    const { customerId, token }: Record<string, string> = await response.json();
    expect(customerId).toMatch(/^guest_/);
    const body = { lines: [{ sku: "CUP", quantity: 1 }] };
    const placed = await call("POST", "/v1/orders", { token: token!, body });
    expect(placed.status).toBe(202);
    expect(await placed.json()).toMatchObject({ customerId });
  });

  it.each([{ GUEST_CHECKOUT: "off" }, { AUTH_JWKS_URL: "https://keys.test/" }])(
    "%j: 404",
    async (vars) => {
      const response = await app.fetch(requestFor("POST", "/v1/guests"), envWith(vars));
      expect(response.status).toBe(404);
    },
  );
});
