import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { decodeJwt, type JWTPayload, SignJWT } from "jose";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { envWith, migrate, problemOf, requestFor, rowCounts } from "./support/worker.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

type Vars = Parameters<typeof envWith>[0];

const SECRET = env.AUTH_SECRET!;
const PREVIOUS = "the secret of last year, long enough too";
const now_s = () => Math.floor(Date.now() / 1000);

function signed(claims: JWTPayload, secret = SECRET): Promise<string> {
  return new SignJWT({ sub: "c", exp: now_s() + 3_600, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .sign(new TextEncoder().encode(secret));
}

async function statusWith(token: string, vars: Vars = {}, path = "/v1/orders"): Promise<number> {
  return (
    await app.fetch(requestFor("GET", path, { token }), envWith(vars), createExecutionContext())
  ).status;
}

describe("a token that was verified", () => {
  const verify = () => vi.spyOn(crypto.subtle, "verify");
  /** One configuration, as an isolate has it. */
  const wired = envWith({});
  const status = async (token: string, own = wired): Promise<number> =>
    (await app.fetch(requestFor("GET", "/v1/orders", { token }), own, createExecutionContext()))
      .status;
  const passSeconds = (seconds: number) =>
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + seconds * 1_000 });

  it("is not verified again for a minute", async () => {
    const token = await signed({});
    const verified = verify();
    for (let i = 0; i < 3; i++) expect(await status(token)).toBe(200);
    expect(verified).toHaveBeenCalledTimes(1);
    passSeconds(59);
    expect(await status(token)).toBe(200);
    expect(verified).toHaveBeenCalledTimes(1);
    passSeconds(2);
    expect(await status(token)).toBe(200);
    expect(verified).toHaveBeenCalledTimes(2);
  });

  it("is verified again when the clock was set back", async () => {
    passSeconds(3_000);
    const token = await signed({});
    const verified = verify();
    expect(await status(token)).toBe(200);
    passSeconds(-120);
    expect(await status(token)).toBe(200);
    expect(verified).toHaveBeenCalledTimes(2);
  });

  it("does not outlive its exp", async () => {
    const token = await signed({ exp: now_s() + 5 });
    expect(await status(token)).toBe(200);
    passSeconds(36);
    expect(await status(token)).toBe(401);
  });

  it("says nothing of other settings, nor of a token that differs by a letter", async () => {
    const token = await signed({ scope: "operator" });
    expect(await status(token)).toBe(200);
    expect(await status(token, envWith({ AUTH_SECRET: PREVIOUS }))).toBe(401);
    expect(await status(token, envWith({ AUTH_AUDIENCE: "lockstock" }))).toBe(401);
    const at = token.indexOf(".") + 5;
    const other = token[at] === "A" ? "B" : "A";
    expect(await status(token.slice(0, at) + other + token.slice(at + 1))).toBe(401);
  });

  it("is forgotten when a thousand others were verified since", async () => {
    const token = await signed({});
    await status(token);
    const others = await Promise.all(
      Array.from({ length: 1_000 }, (_, i) => signed({ jti: `${i}` })),
    );
    await Promise.all(others.map((other) => status(other)));
    const verified = verify();
    expect(await status(others.at(-1) ?? "")).toBe(200);
    expect(verified).not.toHaveBeenCalled();
    expect(await status(token)).toBe(200);
    expect(verified).toHaveBeenCalledTimes(1);
  });
});

describe("clocks may differ by 30 s:", () => {
  it.each<[string, () => JWTPayload, number]>([
    ["ran out 25 s ago", () => ({ exp: now_s() - 25 }), 200],
    ["ran out 31 s ago", () => ({ exp: now_s() - 31 }), 401],
    ["is valid in 25 s", () => ({ nbf: now_s() + 25 }), 200],
    ["is valid in 35 s", () => ({ nbf: now_s() + 35 }), 401],
    ["was issued in 25 s", () => ({ iat: now_s() + 25 }), 200],
    ["was issued in 35 s", () => ({ iat: now_s() + 35 }), 401],
    ["was issued long ago", () => ({ iat: 1 }), 200],
    ["never runs out, as far as numbers go", () => ({ exp: 1e300 }), 200],
  ])("a token that %s", async (_, claims, status) => {
    expect(await statusWith(await signed(claims()))).toBe(status);
  });
});

describe("the issuer and the audience", () => {
  const ISSUER = { AUTH_ISSUER: "https://id.shop.example/" };
  const AUDIENCE = { AUTH_AUDIENCE: "lockstock, lockstock-staging" };
  const [iss, aud] = [ISSUER.AUTH_ISSUER, "lockstock"];

  it.each<[string, Vars, JWTPayload, number]>([
    ["the issuer", ISSUER, { iss }, 200],
    ["another issuer", ISSUER, { iss: "https://id.other.example/" }, 401],
    ["nearly the issuer", ISSUER, { iss: "https://id.shop.example" }, 401],
    ["no issuer", ISSUER, {}, 401],
    ["one of two issuers", { AUTH_ISSUER: `a,${iss}` }, { iss }, 200],
    ["the audience", AUDIENCE, { aud }, 200],
    ["the second audience", AUDIENCE, { aud: "lockstock-staging" }, 200],
    ["the audience among others", AUDIENCE, { aud: ["mail", aud] }, 200],
    ["another audience", AUDIENCE, { aud: "mail" }, 401],
    ["both audiences in one text", AUDIENCE, { aud: AUDIENCE.AUTH_AUDIENCE }, 401],
    ["no audience", AUDIENCE, {}, 401],
    ["the issuer without the audience", { ...ISSUER, ...AUDIENCE }, { iss }, 401],
    ["both", { ...ISSUER, ...AUDIENCE }, { iss, aud }, 200],
    ["any, where none is set", {}, { iss: "anybody", aud: "anything" }, 200],
  ])("%s", async (_, vars, claims, status) => {
    const before = await rowCounts();
    const token = await signed({ ...claims, scope: "operator" });
    expect(await statusWith(token, vars)).toBe(status);
    expect(await statusWith(token, vars, "/v1/operations")).toBe(status);
    expect(await rowCounts()).toEqual(before);
  });

  it("are in a guest's token, which is good here", async () => {
    const vars = { ...ISSUER, ...AUDIENCE };
    const guest = await app.fetch(requestFor("POST", "/v1/guests"), envWith(vars));
    const { token }: { token: string } = await guest.json();
    expect(decodeJwt(token)).toMatchObject({ iss, aud });
    expect(await statusWith(token, vars)).toBe(200);
  });
});

describe("a rotation of the secret logs nobody out:", () => {
  const vars = { AUTH_SECRET_PREVIOUS: PREVIOUS };

  it("tokens of the one before are good as long as it is set", async () => {
    const token = await signed({}, PREVIOUS);
    expect(await statusWith(token)).toBe(401);
    expect(await statusWith(token, vars)).toBe(200);
    expect(await statusWith(await signed({}), vars)).toBe(200);
    expect(await statusWith(await signed({}, "a third secret that nobody knows here"), vars)).toBe(
      401,
    );
    expect(await statusWith(await signed({ exp: now_s() - 60 }, PREVIOUS), vars)).toBe(401);
  });

  it("guests get tokens of the new one", async () => {
    const guest = await app.fetch(requestFor("POST", "/v1/guests"), envWith(vars));
    const { token }: { token: string } = await guest.json();
    expect(await statusWith(token)).toBe(200);
  });
});

let hours = 0;
const EXAMPLE = "lockstock-local-secret-do-not-deploy";

describe("settings by which no token can be verified safely are 503, and the log says why:", () => {
  it.each<[string, Vars, string]>([
    ["a short secret", { AUTH_SECRET: "x" }, "AUTH_SECRET must have at least 32 characters"],
    ["31 characters", { AUTH_SECRET: "x".repeat(31) }, "AUTH_SECRET must"],
    ["a short one before", { AUTH_SECRET_PREVIOUS: "x" }, "AUTH_SECRET_PREVIOUS must"],
    ["the example's secret", { AUTH_SECRET: EXAMPLE }, "secret of .dev.vars.example"],
    [
      "the example's secret before",
      { AUTH_SECRET_PREVIOUS: EXAMPLE },
      "secret of .dev.vars.example",
    ],
    ["a key set alone", { AUTH_JWKS_URL: "https://keys.test/a" }, "AUTH_ISSUER and AUTH_AUDIENCE"],
    ["a key set by http", { AUTH_JWKS_URL: "http://keys.test/", AUTH_ISSUER: "i" }, "https"],
    ["a key set that is no URL", { AUTH_JWKS_URL: "keys", AUTH_ISSUER: "i" }, "https"],
  ])("%s", async (_, vars, why) => {
    // Each in an hour of its own: the same line is logged once a minute.
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 * ++hours });
    const logged = vi.spyOn(console, "error").mockReturnValue(undefined);
    const token = await signed({ scope: "operator" }, vars.AUTH_SECRET);
    for (let i = 0; i < 20; i++) {
      const request = requestFor("GET", "/v1/operations", { token });
      const response = await app.fetch(request, envWith(vars), createExecutionContext());
      expect([response.status, (await problemOf(response)).code]).toEqual([503, "unavailable"]);
    }
    const lines = logged.mock.calls.map(([line]) => String(line));
    expect(lines.filter((line) => line.includes(why))).toHaveLength(1);
    expect(lines).toHaveLength(1);
    vi.setSystemTime(Date.now() + 61_000);
    expect(await statusWith(token, vars)).toBe(503);
    expect(logged).toHaveBeenCalledTimes(2);
  });

  it.each([
    ["http://localhost:8787", 200],
    ["http://127.0.0.1", 200],
    ["http://[::1]:8787", 200],
    ["http://lockstock.localhost", 200],
    ["https://localhost", 200],
    ["https://shop.example", 503],
    ["https://localhost.evil.example", 503],
    ["https://127.0.0.1.nip.io", 503],
    ["http://notlocalhost", 503],
    ["http://0.0.0.0", 503],
    ["http://192.168.0.7:8787", 503],
  ])("the example's secret at %s: %i", async (origin, status) => {
    vi.spyOn(console, "error").mockReturnValue(undefined);
    const headers = { Authorization: `Bearer ${await signed({}, EXAMPLE)}` };
    const request = new Request(`${origin}/v1/orders`, { headers });
    const response = await app.fetch(
      request,
      envWith({ AUTH_SECRET: EXAMPLE }),
      createExecutionContext(),
    );
    expect(response.status).toBe(status);
  });
});
