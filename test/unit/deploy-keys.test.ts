import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodeJwt, jwtVerify } from "jose";
import { afterEach, beforeEach, expect, test } from "vitest";
import {
  type KeyOptions,
  keysUploaded,
  prepareKeys,
  readSecrets,
  tokenFile,
} from "../../scripts/deploy/keys.ts";

let folder = "";
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), "lockstock-keys-")), "production");
});
afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

const DAY_MS = 86_400_000;
const prepare = (options: Partial<KeyOptions> = {}) =>
  prepareKeys(folder, {
    rotate: false,
    isDeployed: false,
    given: undefined,
    claims: {},
    now_ms: Date.now(),
    ...options,
  });

async function deployed() {
  const keys = await prepare();
  keysUploaded(folder);
  if (!keys) throw new Error("no keys");
  return keys;
}

test("secret and token are on disk before the upload, for their owner alone", async () => {
  const keys = await prepare();
  expect(keys?.upload).toMatch(/secrets\.next\.json$/);
  expect(readSecrets(folder)).toEqual({ secrets: keys?.secrets, isUploaded: false });
  for (const path of [String(keys?.upload), tokenFile(folder)]) {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
  expect(keys?.secrets.AUTH_SECRET.length).toBeGreaterThanOrEqual(32);
  const key = new TextEncoder().encode(keys?.secrets.AUTH_SECRET);
  const { payload } = await jwtVerify(String(keys?.token), key);
  expect(payload).toMatchObject({ sub: "operator", scope: "operator" });
});

test("killed before or after the upload, a repeat uploads the same secret", async () => {
  const first = await prepare();
  const again = await prepare();
  const afterUpload = await prepare({ isDeployed: true });
  expect([again?.secrets, afterUpload?.secrets]).toEqual([first?.secrets, first?.secrets]);
  expect([again?.upload, afterUpload?.upload]).toEqual([first?.upload, first?.upload]);
  expect(again?.token).toBe(first?.token);
});

test("once it is uploaded, a repeat uploads nothing, but for a Worker that has lost it", async () => {
  const { secrets, token } = await deployed();
  expect(await prepare({ isDeployed: true })).toEqual({ secrets, token, upload: null });
  expect((await prepare({ isDeployed: false }))?.upload).toMatch(/secrets\.json$/);
});

test("a rotation keeps the old secret beside the new one, and an interrupted one goes on", async () => {
  const { secrets: old } = await deployed();
  const rotated = await prepare({ rotate: true, isDeployed: true });
  expect(rotated?.secrets.AUTH_SECRET_PREVIOUS).toBe(old.AUTH_SECRET);
  expect(rotated?.secrets.AUTH_SECRET).not.toBe(old.AUTH_SECRET);
  // Rotated a second time, the secret that the tokens in use were signed with would be lost.
  const again = await prepare({ rotate: true, isDeployed: true });
  expect(again).toEqual(rotated);
  const key = new TextEncoder().encode(again?.secrets.AUTH_SECRET);
  await expect(jwtVerify(String(again?.token), key)).resolves.toBeDefined();
});

test("a secret that was made elsewhere is left alone, until it is rotated", async () => {
  expect(await prepare({ isDeployed: true })).toBeNull();
  expect(existsSync(folder)).toBe(false);
  const rotated = await prepare({ isDeployed: true, rotate: true });
  expect(rotated?.secrets.AUTH_SECRET_PREVIOUS).toBeUndefined();
});

test("a token that ends within 30 days is replaced", async () => {
  const { token } = await deployed();
  const later = await prepare({ isDeployed: true, now_ms: Date.now() + 61 * DAY_MS });
  expect(later?.token).not.toBe(token);
  const days = (decodeJwt(String(later?.token)).exp ?? 0) * 1_000 - Date.now();
  expect(Math.round(days / DAY_MS)).toBe(61 + 90);
});

test("a given secret is taken, and the claims that the Worker asks for", async () => {
  const given = "a secret from the repository's settings";
  const keys = await prepare({ given, claims: { iss: "shop", aud: "lockstock" } });
  expect(keys?.secrets).toEqual({ AUTH_SECRET: given });
  expect(decodeJwt(String(keys?.token))).toMatchObject({ iss: "shop", aud: "lockstock" });
});
