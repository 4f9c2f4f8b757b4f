import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { envWith, migrate, requestFor, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

interface Signer {
  alg: string;
  kid: string;
  jwk: JWK;
  /** `isNamed`: whether the token says which key it is of. */
  sign: (claims?: Record<string, unknown>, isNamed?: boolean) => Promise<string>;
}

const ISSUER = "https://id.shop.example/";

async function signer(alg: "RS256" | "ES256" | "PS256", kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, use: "sig" };
  const sign = (claims: Record<string, unknown> = {}, isNamed = true) =>
    new SignJWT({ iss: ISSUER, ...claims })
      .setProtectedHeader({ alg, ...(isNamed && { kid }) })
      .setSubject("customer")
      .setExpirationTime((claims["exp"] as number | undefined) ?? "1h")
      .sign(privateKey);
  return { alg, kid, jwk, sign };
}

let urls = 0;
let url = "";
let answer: () => Response | Promise<Response>;
let fetched: string[] = [];

beforeEach(() => {
  vi.spyOn(console, "error").mockReturnValue(undefined);
  // Keys are kept by address: a new one makes each test the first.
  url = `https://keys.test/${++urls}`;
  fetched = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    fetched.push(input instanceof Request ? input.url : String(input));
    return answer();
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const publish = (...signers: Signer[]) => {
  answer = () => Response.json({ keys: signers.map(({ jwk }) => jwk) });
};

async function responseTo(token: string, path = "/v1/orders"): Promise<Response> {
  const context = createExecutionContext();
  const wired = envWith({ AUTH_JWKS_URL: url, AUTH_ISSUER: ISSUER });
  const response = await app.fetch(requestFor("GET", path, { token }), wired, context);
  await waitOnExecutionContext(context);
  return response;
}

const statusWith = async (token: string): Promise<number> => (await responseTo(token)).status;

/** Moves the clock; timers go on as they are. */
function passSeconds(seconds: number): void {
  const now = Date.now() + seconds * 1_000;
  vi.useFakeTimers({ toFake: ["Date"], now });
}

describe("a key set", () => {
  it.each(["RS256", "ES256"] as const)("verifies tokens of %s", async (alg) => {
    const own = await signer(alg, "one");
    publish(own);
    expect(await statusWith(await own.sign())).toBe(200);
    expect(fetched).toEqual([url]);
  });

  it("is fetched once for many requests", async () => {
    const own = await signer("ES256", "one");
    publish(own);
    expect(await statusWith(await own.sign())).toBe(200);
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => statusWith(await own.sign())),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(fetched).toHaveLength(1);
  });

  it("refuses a token of a key that is not in it", async () => {
    const [own, foreign] = [await signer("ES256", "one"), await signer("ES256", "one")];
    publish(own);
    expect(await statusWith(await foreign.sign())).toBe(401);
  });

  it("refuses a token of another issuer, and one that names none", async () => {
    const own = await signer("ES256", "one");
    publish(own);
    for (const iss of ["https://id.other.example/", undefined]) {
      expect(await statusWith(await own.sign({ iss, scope: "operator" }))).toBe(401);
    }
  });

  it("refuses a key id that is unknown to a set that was just fetched", async () => {
    const [own, other] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(own);
    expect(await statusWith(await other.sign())).toBe(401);
    passSeconds(6);
    expect(await statusWith(await other.sign())).toBe(401);
    expect(fetched).toHaveLength(2);
  });

  it("is fetched every 5 s at most for unknown key ids: 503 meanwhile, nobody is sent away", async () => {
    const [own, other] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(own);
    passSeconds(0);
    expect(await statusWith(await own.sign())).toBe(200);
    for (let i = 0; i < 50; i++) {
      const response = await responseTo(await other.sign());
      expect(response.status).toBe(503);
      expect(response.headers.get("Retry-After")).toBe("5");
    }
    expect(fetched).toHaveLength(1);
    expect(await statusWith(await own.sign())).toBe(200);
  });

  it.each([true, false])("that rotates (key ids: %s) makes nobody 401", async (isNamed) => {
    const [old, next] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(old);
    passSeconds(0);
    expect(await statusWith(await old.sign({}, isNamed))).toBe(200);
    publish(old, next);
    passSeconds(2);
    const early = await responseTo(await next.sign({}, isNamed));
    expect([early.status, early.headers.get("Retry-After")]).toEqual([503, "3"]);
    passSeconds(3);
    expect(await statusWith(await next.sign({}, isNamed))).toBe(200);
    expect(await statusWith(await old.sign({}, isNamed))).toBe(200);
    expect(fetched).toHaveLength(2);
  });

  it("is tried key by key for a token that does not name its key", async () => {
    const signers = await Promise.all(["1", "2", "3"].map((kid) => signer("RS256", kid)));
    publish(...signers);
    for (const one of signers) expect(await statusWith(await one.sign({}, false))).toBe(200);
    expect(await statusWith(await (await signer("RS256", "4")).sign())).toBe(503);
  });

  it("has keys that are not for this: they are ignored, and so is what is no key", async () => {
    const [own, other] = [await signer("ES256", "one"), await signer("RS256", "two")];
    answer = () =>
      Response.json({
        keys: [
          { kty: "new", kid: "one" },
          { kty: "oct", kid: "one", k: "AAAA", alg: "HS256" },
          { ...other.jwk, use: "enc" },
          { ...other.jwk, alg: "RS512" },
          { ...other.jwk, key_ops: ["encrypt"] },
          own.jwk,
        ],
      });
    expect(await statusWith(await own.sign())).toBe(200);
    passSeconds(6);
    expect(await statusWith(await other.sign())).toBe(401);
  });

  it("is fetched once, however many wait for it", async () => {
    const own = await signer("ES256", "one");
    answer = async () => {
      await new Promise((resolve) => setTimeout(resolve, 200));
      return Response.json({ keys: [own.jwk] });
    };
    const tokens = await Promise.all(Array.from({ length: 30 }, () => own.sign()));
    const statuses = await Promise.all(tokens.map(statusWith));
    expect(new Set(statuses)).toEqual(new Set([200]));
    expect(fetched).toHaveLength(1);
  });

  it("is fetched anew after 10 minutes, behind the answer", async () => {
    const [old, next] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(old);
    expect(await statusWith(await old.sign())).toBe(200);
    publish(next);
    passSeconds(601);
    expect(await statusWith(await old.sign())).toBe(200);
    expect(fetched).toHaveLength(2);
    passSeconds(6);
    expect(await statusWith(await old.sign())).toBe(401);
    expect(await statusWith(await next.sign())).toBe(200);
  });

  it("that no longer has a key refuses its tokens, also those that it has just verified", async () => {
    const [old, next] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(old);
    const wired = envWith({ AUTH_JWKS_URL: url, AUTH_ISSUER: ISSUER });
    const status = async (token: string) => {
      const context = createExecutionContext();
      const response = await app.fetch(requestFor("GET", "/v1/orders", { token }), wired, context);
      await waitOnExecutionContext(context);
      return response.status;
    };
    const token = await old.sign();
    passSeconds(0);
    expect(await status(token)).toBe(200);
    publish(next);
    passSeconds(6);
    expect(await status(token)).toBe(200);
    // Fetches the set, which has the new key only.
    expect(await status(await next.sign())).toBe(200);
    passSeconds(6);
    expect(await status(token)).toBe(401);
  });

  it("refuses HS256, though the secret is set and right", async () => {
    publish(await signer("RS256", "one"));
    expect(env.AUTH_SECRET).not.toBe("");
    expect(await statusWith(await tokenFor("customer"))).toBe(401);
  });

  it("refuses an algorithm that is not one of the two", async () => {
    const own = await signer("PS256", "one");
    publish(own);
    expect(await statusWith(await own.sign())).toBe(401);
  });

  it("refuses a token that has run out", async () => {
    const own = await signer("ES256", "one");
    publish(own);
    const { privateKey } = await generateKeyPair("ES256");
    const token = await new SignJWT({ iss: ISSUER, sub: "c", exp: 1 })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .sign(privateKey);
    expect(await statusWith(token)).toBe(401);
  });

  it("gives operators their scope", async () => {
    const own = await signer("ES256", "one");
    publish(own);
    const status = async (claims: Record<string, unknown>) =>
      (await responseTo(await own.sign(claims), "/v1/dead-letters")).status;
    expect(await status({ scope: "operator" })).toBe(200);
    expect(await status({})).toBe(403);
  });
});

describe("a key set that cannot be had", () => {
  it.each<[string, () => Response | Promise<Response>]>([
    ["answered with 500", () => new Response("no", { status: 500 })],
    ["is no JSON", () => new Response("<html>")],
    ["is no key set", () => Response.json({ hello: 1 })],
    ["is null", () => Response.json(null)],
    ["has no end", () => new Response("[".repeat(300_000))],
    ["has 101 keys", () => Response.json({ keys: Array.from({ length: 101 }, () => ({})) })],
    ["leads elsewhere", () => Response.redirect("https://elsewhere.test/keys", 302)],
    [
      "cannot be reached",
      () => {
        throw new TypeError("Network connection lost.");
      },
    ],
  ])("because it %s is 503: the token may well be good", async (_name, respond) => {
    const own = await signer("ES256", "one");
    answer = respond;
    passSeconds(0);
    for (let i = 0; i < 20; i++) {
      const response = await responseTo(await own.sign());
      expect([response.status, response.headers.get("Retry-After")]).toEqual([503, "5"]);
    }
    expect(fetched).toEqual([url]);
    passSeconds(5);
    publish(own);
    expect(await statusWith(await own.sign())).toBe(200);
  });

  it("because it does not answer is 503 after 5 s, for all who wait", async () => {
    const own = await signer("ES256", "one");
    answer = () => new Promise<never>(() => undefined);
    const started_ms = Date.now();
    const statuses = await Promise.all(
      [await own.sign(), await own.sign(), await own.sign()].map(statusWith),
    );
    expect(statuses).toEqual([503, 503, 503]);
    // A second one would take as long again.
    expect(Date.now() - started_ms).toBeLessThan(9_500);
    expect(fetched).toHaveLength(1);
  });

  it("keeps its last good keys for 24 hours", async () => {
    const [own, other] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(own);
    const token = await own.sign({ exp: Math.floor(Date.now() / 1_000) + 3 * 86_400 });
    expect(await statusWith(token)).toBe(200);
    answer = () => new Response("away", { status: 502 });
    for (const hours of [1, 11, 11.9]) {
      passSeconds(hours * 3_600);
      expect(await statusWith(token)).toBe(200);
    }
    expect(fetched).toHaveLength(4);
    // Whether this one is good cannot be told.
    passSeconds(6);
    expect(await statusWith(await other.sign({ exp: 4_102_444_800 }))).toBe(503);
    passSeconds(3_600);
    expect(await statusWith(token)).toBe(503);
    passSeconds(6);
    publish(own);
    expect(await statusWith(token)).toBe(200);
  });

  it("is not asked for a token that cannot be good, which is 401 all the same", async () => {
    answer = () => new Response("away", { status: 502 });
    const ps256 = await (await signer("PS256", "one")).sign();
    for (const token of [await tokenFor("customer"), ps256, "e30.e30.e30", "a.b.c", "hello"]) {
      expect(await statusWith(token)).toBe(401);
    }
    expect(fetched).toEqual([]);
  });

  it("does not close the feed with 4401, at which a client throws its token away", async () => {
    const own = await signer("ES256", "one");
    answer = () => new Response("no", { status: 500 });
    const token = await own.sign();
    const request = requestFor("GET", "/v1/feed", { token, headers: { Upgrade: "websocket" } });
    const response = await app.fetch(
      request,
      envWith({ AUTH_JWKS_URL: url, AUTH_ISSUER: ISSUER }),
      createExecutionContext(),
    );
    expect(response.status).toBe(503);
  });
});
