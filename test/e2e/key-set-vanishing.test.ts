import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { startStack } from "../../bench/lib/stack.ts";
import { QUEUE } from "../../bench/lib/systems.ts";

/** For longer than two fetches of the set may be apart, while one hangs. */
const WATCHED_MS = 12_000;

test("a client that has the key set fetched and hangs up, again and again, makes nobody 503", async () => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = [{ ...(await exportJWK(publicKey)), kid: "one" }];
  // Slow enough for a client to leave while it is fetched.
  const server = createServer((_, response) => {
    setTimeout(() => response.end(JSON.stringify({ keys })), 200);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const vars = { AUTH_JWKS_URL: `http://127.0.0.1:${port}/keys`, AUTH_ISSUER: "the issuer" };
  const stack = await startStack({ ...QUEUE.stack, vars: { ...QUEUE.stack.vars, ...vars } });
  let isOver = false;
  onTestFinished(async () => {
    isOver = true;
    await stack.stop();
    server.close();
  });

  // No signature is needed for a set to be fetched: only a key that it does not have.
  const header = Buffer.from('{"alg":"ES256","kid":"unknown"}').toString("base64url");
  const lines = ["GET /v1/orders HTTP/1.1", "Host: localhost"];
  const text = [...lines, `Authorization: Bearer ${header}.e30.AAAA`].join("\r\n");
  const hangUp = () =>
    new Promise<void>((done) => {
      const socket = connect(Number(new URL(stack.base).port), "127.0.0.1");
      socket.on("error", () => undefined);
      socket.on("close", () => done());
      socket.on("connect", () => {
        socket.write(`${text}\r\n\r\n`);
        setTimeout(() => socket.resetAndDestroy(), 60);
      });
    });
  void (async () => {
    while (!isOver) await hangUp();
  })();
  await sleep(300);

  const token = await new SignJWT({ iss: "the issuer" })
    .setProtectedHeader({ alg: "ES256", kid: "one" })
    .setSubject("ann")
    .setExpirationTime("1h")
    .sign(privateKey);
  const statuses: number[] = [];
  const end_ms = Date.now() + WATCHED_MS;
  while (Date.now() < end_ms) {
    const headers = { authorization: `Bearer ${token}` };
    statuses.push((await fetch(`${stack.base}/v1/orders`, { headers })).status);
    await sleep(500);
  }
  expect(new Set(statuses)).toEqual(new Set([200]));
}, 240_000);
