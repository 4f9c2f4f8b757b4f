import {
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  SignJWT,
} from "jose";
import * as v from "valibot";
import { errorText } from "../../runtime/log.ts";
import type { AuthSettings } from "./auth-settings.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { type Background, KeySet } from "./jwks.ts";
import { logThrottled } from "./log-throttle.ts";
import { Problem } from "./problem.ts";
import { type Caller, scopesOf } from "./scopes.ts";

/** Verifies tokens, and makes those of guests. */

/** Clocks of issuers, clients and isolates differ by this much at most. */
const LEEWAY_S = 30;
const GUEST_TOKEN_DAYS = 30;
/** Keys of a set that a token without `kid` is tried with. */
const MAX_TRIED_KEYS = 10;

/**
 * The caller of a bearer token. The configured key source fixes the algorithm, never the token.
 * Throws `unauthenticated`, or `unavailable` when the keys to verify it cannot be had.
 */
export async function callerOf(
  token: string,
  settings: AuthSettings,
  background: Background,
): Promise<Caller> {
  const { sub, exp, iat, scope } = await verified(token, settings, background).catch(refuse);
  if (!v.is(CustomerIdSchema, sub) || typeof exp !== "number") {
    throw new Problem("unauthenticated", { detail: "The token has no usable sub." });
  }
  // jose looks at `iat` only where a greatest age is asked for.
  if (iat !== undefined && iat > Date.now() / 1000 + LEEWAY_S) {
    throw new Problem("unauthenticated", { detail: "The token is from the future." });
  }
  const expires_ms = Math.min((exp + LEEWAY_S) * 1000, Number.MAX_SAFE_INTEGER);
  return { sub, scopes: scopesOf(scope), expires_ms };
}

async function verified(
  token: string,
  { keys, issuers, audiences }: AuthSettings,
  background: Background,
): Promise<JWTPayload> {
  const options = {
    algorithms: keys.type === "set" ? ["RS256", "ES256"] : ["HS256"],
    requiredClaims: ["sub", "exp"],
    clockTolerance: LEEWAY_S,
    ...(issuers.length > 0 && { issuer: [...issuers] }),
    ...(audiences.length > 0 && { audience: [...audiences] }),
  };
  const check = async (key: CryptoKey | JWTVerifyGetKey) =>
    (await jwtVerify(token, key, options)).payload;
  if (keys.type === "set") {
    // Before the keys: what cannot be good must not have the set fetched, or be 503 without it.
    requireAlgorithm(token, options.algorithms);
    return keySetAt(keys.url).verify((set) => bySet(token, set, check), background);
  }
  return firstThatVerifies(keys.secrets, async (secret) => check(await hmacKeyOf(secret)));
}

function requireAlgorithm(token: string, algorithms: readonly string[]): void {
  let alg: string | undefined;
  try {
    ({ alg } = decodeProtectedHeader(token));
  } catch {
    throw new errors.JWSInvalid("The token has no header");
  }
  if (alg === undefined || !algorithms.includes(alg)) throw new errors.JOSEAlgNotAllowed();
}

type Check = (key: CryptoKey | JWTVerifyGetKey) => Promise<JWTPayload>;

/** A token without `kid` may be of any key of its kind, and of one that is not in the set yet. */
async function bySet(token: string, set: JWTVerifyGetKey, check: Check): Promise<JWTPayload> {
  try {
    return await check(set).catch(async (error: unknown) => {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: CryptoKey[] = [];
      for await (const key of error) if (keys.push(key) >= MAX_TRIED_KEYS) break;
      return firstThatVerifies(keys, check);
    });
  } catch (error) {
    const isUnsigned = error instanceof errors.JWSSignatureVerificationFailed;
    if (isUnsigned && decodeProtectedHeader(token).kid === undefined) {
      throw new errors.JWKSNoMatchingKey();
    }
    throw error;
  }
}

/** A signature that does not fit goes on to the next key; whatever else is wrong is wrong with all. */
async function firstThatVerifies<K, T>(
  keys: readonly K[],
  check: (key: K) => Promise<T>,
): Promise<T> {
  let refusal: unknown = new errors.JWSSignatureVerificationFailed();
  for (const key of keys) {
    try {
      return await check(key);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      refusal = error;
    }
  }
  throw refusal;
}

/** Kept for the isolate's life; a deployment has one. */
let keySet: { url: string; set: KeySet } | undefined;

function keySetAt(url: string): KeySet {
  if (keySet?.url !== url) keySet = { url, set: new KeySet(url) };
  return keySet.set;
}

/** Kept for the isolate's life: jose would import the bytes of a secret for every token. */
const hmacKeys = new Map<string, CryptoKey>();
/** The current one and the one before, and those of the rotation before. */
const MAX_HMAC_KEYS = 4;

async function hmacKeyOf(secret: string): Promise<CryptoKey> {
  const known = hmacKeys.get(secret);
  if (known) return known;
  const bytes = new TextEncoder().encode(secret);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
  if (hmacKeys.size >= MAX_HMAC_KEYS) hmacKeys.clear();
  hmacKeys.set(secret, key);
  return key;
}

function refuse(error: unknown): never {
  if (error instanceof Problem) throw error;
  // What is no error of the token is one of its key: the set holds what cannot be used.
  if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)) {
    throw new Problem("unauthenticated", { detail: "The token is not valid." });
  }
  logThrottled("error", "auth.key_unusable", { error: errorText(error) });
  throw new Problem("unavailable", { detail: "The keys to verify tokens cannot be used." });
}

/** A token for a guest, by the current secret. */
export async function guestToken(
  customerId: string,
  { keys, issuers, audiences }: AuthSettings,
): Promise<string> {
  if (keys.type === "set") throw new Error("tokens of a key set are made by its issuer");
  const [issuer] = issuers;
  const [audience] = audiences;
  return new SignJWT({
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
  })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(customerId)
    .setIssuedAt()
    .setExpirationTime(`${GUEST_TOKEN_DAYS}d`)
    .sign(await hmacKeyOf(keys.secrets[0]));
}
