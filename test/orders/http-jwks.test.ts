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
  sign: (claims?: Record<string, unknown>) => Promise<string>;
}

async function signer(alg: "RS256" | "ES256" | "PS256", kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, use: "sig" };
  const sign = (claims: Record<string, unknown> = {}) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg, kid })
      .setSubject("customer")
      .setExpirationTime("1h")
      .sign(privateKey);
  return { alg, kid, jwk, sign };
}

let urls = 0;
let url = "";
let answer: () => Response;
let fetched: string[] = [];

beforeEach(() => {
  // Keys are kept by address: a new one makes each test the first.
  url = `https://keys.test/${++urls}`;
  fetched = [];
  vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
    fetched.push(input instanceof Request ? input.url : String(input));
    return answer();
  });
});
afterEach(() => {
  vi.restoreAllMocks();
});

const publish = (...signers: Signer[]) => {
  answer = () => Response.json({ keys: signers.map(({ jwk }) => jwk) });
};

async function statusWith(token: string, headers: Record<string, string> = {}): Promise<number> {
  const wired = envWith({ AUTH_JWKS_URL: url });
  return (await app.fetch(requestFor("GET", "/v1/orders", { token, headers }), wired)).status;
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

  it("refuses an unknown key id, and does not fetch again for each such token", async () => {
    const [own, other] = [await signer("ES256", "one"), await signer("ES256", "two")];
    publish(own);
    for (let i = 0; i < 5; i++) expect(await statusWith(await other.sign())).toBe(401);
    expect(fetched).toHaveLength(1);
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
    const token = await new SignJWT({ sub: "c", exp: 1 })
      .setProtectedHeader({ alg: "ES256", kid: "one" })
      .sign(privateKey);
    expect(await statusWith(token)).toBe(401);
  });

  it("gives operators their scope", async () => {
    const own = await signer("ES256", "one");
    publish(own);
    const wired = envWith({ AUTH_JWKS_URL: url });
    const status = async (claims: Record<string, unknown>) => {
      const token = await own.sign(claims);
      return (await app.fetch(requestFor("GET", "/v1/dead-letters", { token }), wired)).status;
    };
    expect(await status({ scope: "operator" })).toBe(200);
    expect(await status({})).toBe(403);
  });
});

describe("a key set that cannot be had", () => {
  it.each<[string, () => Response]>([
    ["answered with 500", () => new Response("no", { status: 500 })],
    ["is no JSON", () => new Response("<html>")],
    ["is no key set", () => Response.json({ hello: 1 })],
    [
      "cannot be reached",
      () => {
        throw new TypeError("Network connection lost.");
      },
    ],
  ])("because it %s is 503: the token may well be good", async (_name, respond) => {
    const own = await signer("ES256", "one");
    answer = respond;
    expect(await statusWith(await own.sign())).toBe(503);
    publish(own);
    expect(await statusWith(await own.sign())).toBe(200);
  });

  it("does not close the feed with 4401, at which a client throws its token away", async () => {
    const own = await signer("ES256", "one");
    answer = () => new Response("no", { status: 500 });
    const token = await own.sign();
    const request = requestFor("GET", "/v1/feed", { token, headers: { Upgrade: "websocket" } });
    const response = await app.fetch(request, envWith({ AUTH_JWKS_URL: url }));
    expect(response.status).toBe(503);
  });
});
