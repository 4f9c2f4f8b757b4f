import { beforeEach, describe, expect, test, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { readTurnstileSettings } from "../../src/orders/http/turnstile-settings.ts";
import { type Answer, type Heard, serve } from "./client-server.ts";

/** `POST /v1/guests` with Turnstile, against a stand-in for siteverify that answers over HTTP. */

const SECRET = "the secret key of the widget";
const HOST = "shop.test";
const GOOD = { success: true, "error-codes": [], action: "guest", hostname: HOST };
const BODY = { turnstileToken: "of the widget" };

const VARS = {
  AUTH_SECRET: "a secret of the tests, long enough",
  RATE_LIMIT: "off",
  GUEST_CHECKOUT: "on",
  KEY_RETENTION_HOURS: "48",
  DEAD_LETTER_RETENTION_DAYS: "30",
  FINISHED_ORDER_RETENTION_DAYS: "0",
  PAYMENT_WINDOW_SECONDS: "900",
  LOCK_DEADLINE_SECONDS: "900",
  DESKS: "1",
  SOLD_OUT_GATE: "on",
  LATE_PAYMENT: "reorder",
  CHANGES: "on",
  DEMAND_WRITE_SECONDS: "0",
  CORS_ORIGINS: "",
  TURNSTILE_SECRET: SECRET,
  TURNSTILE_SITE_KEY: "the site key",
};

beforeEach(() => void vi.spyOn(console, "error").mockReturnValue(undefined));
beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue(undefined));

interface Post {
  vars?: object;
  host?: string;
  headers?: Record<string, string>;
  /** Sent as it is when it is text. */
  body?: unknown;
}

async function post(
  url: string,
  { vars, host = `https://${HOST}`, headers, body = BODY }: Post = {},
) {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const response = await app.fetch(
    new Request(`${host}/v1/guests`, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: text === "" ? null : text,
    }),
    { ...VARS, TURNSTILE_VERIFY_URL: `${url}/siteverify`, ...vars },
    { waitUntil: () => undefined, passThroughOnException: () => undefined } as never,
  );
  const { code = "", detail = "" } = (await response.json()) as { code?: string; detail?: string };
  return { status: response.status, code, detail, headers: response.headers };
}

const formOf = ({ body }: Heard) => JSON.parse(body) as Record<string, string>;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe("a guest", () => {
  test("is made for a good token, of which siteverify is told all that it takes", async () => {
    const { url, heard } = await serve(() => ({ body: GOOD }));
    const headers = { "CF-Connecting-IP": "203.0.113.7" };
    expect((await post(url, { headers })).status).toBe(201);
    expect(heard).toMatchObject([{ method: "POST", path: "/siteverify" }]);
    expect(heard[0]?.headers["content-type"]).toBe("application/json");
    expect(formOf(heard[0]!)).toEqual({
      secret: SECRET,
      response: BODY.turnstileToken,
      remoteip: "203.0.113.7",
      idempotency_key: expect.stringMatching(UUID),
    });
  });

  test("needs a token of its own: each check has another idempotency key", async () => {
    const { url, heard } = await serve(() => ({ body: GOOD }));
    await post(url);
    await post(url);
    expect(new Set(heard.map((one) => formOf(one)["idempotency_key"])).size).toBe(2);
  });

  test("may come from the page of another origin that is allowed", async () => {
    const { url } = await serve(() => ({ body: { ...GOOD, hostname: "page.example" } }));
    expect(await post(url)).toMatchObject({ status: 403 });
    const vars = { CORS_ORIGINS: "https://other.example, https://page.example" };
    expect(await post(url, { vars })).toMatchObject({ status: 201 });
  });

  test("needs no token and no body while Turnstile is off", async () => {
    const { url, heard } = await serve(() => ({ body: GOOD }));
    const vars = { TURNSTILE_SECRET: "", TURNSTILE_SITE_KEY: undefined };
    for (const body of ["", "no JSON", BODY]) {
      expect(await post(url, { vars, body })).toMatchObject({ status: 201 });
    }
    expect(heard).toEqual([]);
  });
});

test("a check counts for its address, passed or not; a guest counts only without a check", async () => {
  const { url } = await serve((n) => ({ body: n === 1 ? GOOD : { success: false } }));
  const asked: string[] = [];
  const counts = (name: string) => ({
    limit: async ({ key }: { key: string }) => {
      asked.push(`${name} of ${key}`);
      return { success: name === "checks" };
    },
  });
  const on = { RATE_LIMIT: "on", RATE_CHECKS: counts("checks"), RATE_GUESTS: counts("guests") };
  const from = { "CF-Connecting-IP": "203.0.113.7" };
  expect((await post(url, { vars: on, headers: from })).status).toBe(201);
  expect((await post(url, { vars: on, headers: from })).status).toBe(403);
  expect(asked).toEqual(["checks of 203.0.113.7", "checks of 203.0.113.7"]);
  const off = { ...on, TURNSTILE_SECRET: "", TURNSTILE_SITE_KEY: "" };
  expect((await post(url, { vars: off, headers: from })).status).toBe(429);
  expect(asked.slice(2)).toEqual(["guests of 203.0.113.7"]);
});

describe("no guest is made, and the token is asked about once, if", () => {
  const failed = (...codes: string[]) => ({ success: false, "error-codes": codes });
  test.each<[string, object]>([
    ["siteverify refuses the token", failed("invalid-input-response")],
    ["the token was used before", failed("timeout-or-duplicate")],
    ["the token was ours before", { ...GOOD, ...failed("timeout-or-duplicate") }],
    ["siteverify gives no reason", { success: false }],
    ["the token is for another form", { ...GOOD, action: "newsletter" }],
    ["the token is for no form", { success: true, hostname: HOST }],
    ["the token is of another site", { ...GOOD, hostname: "evil.example" }],
    ["the token is of a site below", { ...GOOD, hostname: `evil.${HOST}` }],
    ["the token is of no site", { success: true, action: "guest" }],
  ])("%s", async (_, answer) => {
    const { url, heard } = await serve(() => ({ body: answer }));
    expect(await post(url)).toMatchObject({ status: 403, code: "challenge_failed" });
    expect(heard).toHaveLength(1);
  });

  test.each(["invalid-input-secret", "missing-input-secret"])("our secret is %s", async (code) => {
    const { url, heard } = await serve(() => ({ body: failed(code) }));
    expect(await post(url)).toMatchObject({ status: 503, code: "unavailable" });
    expect(heard).toHaveLength(1);
  });
});

const FAULTS: Record<string, Answer> = {
  "a cut connection": "cut",
  "half an answer": { body: GOOD, cutAfter: 20 },
  "500 with a verdict": { status: 500, body: GOOD },
  "502": { status: 502, body: "<h1>Bad gateway</h1>" },
  "no JSON": { body: "<p>Welcome to this network</p>" },
  "JSON without a verdict": { body: { ok: true } },
  "a verdict that is no boolean": { body: { ...GOOD, success: "true" } },
  "an answer that is too long": { body: { ...GOOD, cdata: "x".repeat(16_384) } },
  "a redirect": { status: 307, headers: { Location: "/elsewhere" } },
  "its own error": { body: { success: false, "error-codes": ["internal-error"] } },
};

describe("siteverify is asked once more, of the same check, after", () => {
  test.each(Object.entries(FAULTS))("%s", async (_, fault) => {
    const once = await serve((n) => (n === 1 ? fault : { body: GOOD }));
    expect(await post(once.url)).toMatchObject({ status: 201 });
    expect(once.heard).toHaveLength(2);
    expect(formOf(once.heard[1]!)).toEqual(formOf(once.heard[0]!));

    const always = await serve(() => fault);
    const { status, code, headers } = await post(always.url);
    expect([status, code]).toEqual([503, "unavailable"]);
    expect(headers.get("Retry-After")).toMatch(/^\d+$/);
    expect(always.heard.map(({ path }) => path)).toEqual(["/siteverify", "/siteverify"]);
  });
});

test("200 at most wait for a siteverify that never answers, for 8 s", async () => {
  const { url, heard } = await serve(() => "hang");
  const started_ms = Date.now();
  const waiting = Array.from({ length: 200 }, () => post(url));
  await expect.poll(() => heard.length, { timeout: 7_000 }).toBe(200);
  expect(await post(url)).toMatchObject({ status: 503, detail: /Too many/ });
  expect(Date.now() - started_ms).toBeLessThan(7_500); // before the first is given up
  const answers = await Promise.all(waiting);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([503]));
  expect(Date.now() - started_ms).toBeLessThan(15_000);
  expect(await post((await serve(() => ({ body: GOOD }))).url)).toMatchObject({ status: 201 });
});

describe("siteverify is not asked, for", () => {
  const limiter = { limit: async () => ({ success: false }) };
  test.each<[string, Post, number, string]>([
    [
      "a body that is absent",
      { body: "", headers: { "Content-Type": "" } },
      400,
      "invalid_request",
    ],
    ["no token", { body: {} }, 400, "invalid_request"],
    ["an empty token", { body: { turnstileToken: "" } }, 400, "invalid_request"],
    ["a token that is no text", { body: { turnstileToken: ["x"] } }, 400, "invalid_request"],
    ["2,049 characters", { body: { turnstileToken: "x".repeat(2_049) } }, 400, "invalid_request"],
    ["another member", { body: { ...BODY, secret: "mine" } }, 400, "invalid_request"],
    ["a body of 64 KB", { body: " ".repeat(65_537) }, 413, "payload_too_large"],
    ["a form", { headers: { "Content-Type": "text/plain" } }, 415, "unsupported_media_type"],
    [
      "a caller over the limit",
      { vars: { RATE_LIMIT: "on", RATE_CHECKS: limiter } },
      429,
      "rate_limited",
    ],
    ["a deployment without guests", { vars: { GUEST_CHECKOUT: "off" } }, 404, "not_found"],
    ["a deployment that signs no tokens", { vars: { AUTH_SECRET: "" } }, 503, "unavailable"],
    ["a secret without a site key", { vars: { TURNSTILE_SITE_KEY: "" } }, 503, "unavailable"],
    ["a site key without a secret", { vars: { TURNSTILE_SECRET: "" } }, 503, "unavailable"],
    ["an address that is none", { vars: { TURNSTILE_VERIFY_URL: "here" } }, 503, "unavailable"],
    [
      "an address without TLS",
      { vars: { TURNSTILE_VERIFY_URL: "http://siteverify.example/" } },
      503,
      "unavailable",
    ],
    [
      "a test secret that is not on localhost",
      { vars: { TURNSTILE_SECRET: "1x0000000000000000000000000000000AA" } },
      503,
      "unavailable",
    ],
  ])("%s", async (_, call, status, code) => {
    const { url, heard } = await serve(() => ({ body: GOOD }));
    expect(await post(url, call)).toMatchObject({ status, code });
    expect(heard).toEqual([]);
  });
});

test("a token of 2,048 characters is asked about", async () => {
  const { url } = await serve(() => ({ body: GOOD }));
  const body = { turnstileToken: "x".repeat(2_048) };
  expect(await post(url, { body })).toMatchObject({ status: 201 });
});

test("a test secret, whose answers name another host and action, is for localhost", async () => {
  const answer = { success: true, hostname: "example.com", action: "test" };
  const { url } = await serve(() => ({ body: answer }));
  const vars = { TURNSTILE_SECRET: "1x0000000000000000000000000000000AA" };
  expect(await post(url, { vars, host: "http://localhost:8787" })).toMatchObject({ status: 201 });
  // Any other secret is bound to its host there as well.
  expect(await post(url, { host: "http://localhost:8787" })).toMatchObject({ status: 403 });
});

test.each([
  ["https://verify.example/", "object"],
  ["http://127.0.0.1:9/", "object"],
  ["http://verify.example/", "string"],
])("the secret goes to %s: %s", (TURNSTILE_VERIFY_URL, type) => {
  expect(typeof readTurnstileSettings({ ...VARS, TURNSTILE_VERIFY_URL }, HOST)).toBe(type);
});
