import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { start } from "./support/npm-start.ts";
import { preparedState } from "./support/prepared-state.ts";

/** Tokens of a real run, by secrets and by a key set that is really fetched. */

const ISSUER = "https://id.shop.example/";
const AUDIENCE = "lockstock";
const SECRET = "the secret of the runs by npm start";
const PREVIOUS = "the secret before that of the runs by npm start";

const hs256 = (secret: string, claims: Record<string, unknown>) =>
  new SignJWT({ iss: ISSUER, aud: AUDIENCE, ...claims })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject("alice")
    .setExpirationTime("1h")
    .sign(new TextEncoder().encode(secret));

const ask = (base: string, token: string) =>
  fetch(`${base}/v1/orders`, { headers: { authorization: `Bearer ${token}` } });

test("npm start hands on the secret, the one before, the issuer and the audience", async (context) => {
  const state = await preparedState(context);
  const vars = { AUTH_SECRET_PREVIOUS: PREVIOUS, AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE };
  const run = await start(context, [`--state=${state}`, "--only=orders"], vars);
  await run.ready();
  const statuses = await Promise.all(
    [
      await hs256(SECRET, {}),
      await hs256(PREVIOUS, {}),
      await hs256(SECRET, { iss: "https://id.other.example/" }),
      await hs256(PREVIOUS, { aud: "mail" }),
      await hs256("a third secret, which nobody has set here", {}),
    ].map(async (token) => (await ask(run.base, token)).status),
  );
  expect(statuses).toEqual([200, 200, 401, 401, 401]);
  const guest = await fetch(`${run.base}/v1/guests`, { method: "POST" });
  const { token } = (await guest.json()) as { token: string };
  expect((await ask(run.base, token)).status).toBe(200);
}, 300_000);

async function keyPair(kid: string) {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid };
  const sign = () =>
    new SignJWT({ iss: ISSUER })
      .setProtectedHeader({ alg: "ES256", kid })
      .setSubject("alice")
      .setExpirationTime("1h")
      .sign(privateKey);
  return { jwk, sign };
}

test("a key set is fetched, kept while it is away, and fetched anew for a new key", async (context) => {
  const [old, next] = [await keyPair("one"), await keyPair("two")];
  let keys: JWK[] | null = [old.jwk];
  let isMoved = true;
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (isMoved) response.writeHead(302, { location: "/elsewhere" }).end();
    else if (keys) response.end(JSON.stringify({ keys }));
    else response.writeHead(502).end("away");
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const vars = { AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys`, AUTH_ISSUER: ISSUER };
  const state = await preparedState(context);
  const run = await start(context, [`--state=${state}`, "--only=orders"], vars);
  await run.ready();

  // A redirect is not followed: whoever could make one would choose the keys.
  const moved = await ask(run.base, await old.sign());
  expect([moved.status, asked]).toEqual([503, ["/keys"]]);
  isMoved = false;
  await sleep(5_500);
  asked.length = 0;

  const tokens = await Promise.all(Array.from({ length: 20 }, () => old.sign()));
  const answers = await Promise.all(tokens.map((token) => ask(run.base, token)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect(asked).toEqual(["/keys"]);
  expect((await fetch(`${run.base}/v1/guests`, { method: "POST" })).status).toBe(404);

  keys = null;
  expect((await ask(run.base, await old.sign())).status).toBe(200);
  const unknown = await ask(run.base, await next.sign());
  expect(unknown.status).toBe(503);
  expect(Number(unknown.headers.get("Retry-After"))).toBeGreaterThan(0);

  keys = [old.jwk, next.jwk];
  await sleep(5_500);
  expect((await ask(run.base, await next.sign())).status).toBe(200);
  expect((await ask(run.base, await old.sign())).status).toBe(200);
}, 300_000);
