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
import { VerifiedTokens } from "./verified-tokens.ts";

/** Tolerated difference between the clocks of issuers, clients and isolates. */
const LEEWAY_S = 30;
const GUEST_TOKEN_DAYS = 30;
/** Keys of a set to try for a token without `kid`. */
const MAX_TRIED_KEYS = 10;

const verified = new VerifiedTokens();

/**
 * Verifies a bearer token and returns its caller. The configuration decides which algorithms are
 * accepted, never the token. Throws `unauthenticated`, or `unavailable` when the keys are missing.
 */
export async function verifyToken(
  token: string,
  settings: AuthSettings,
  background: Background,
): Promise<Caller> {
  // Before the check: keys that come meanwhile are newer than those that it is made with.
  const keysVersion = settings.keys.type === "set" ? keySetFor(settings.keys.url).version : 0;
  const now_ms = Date.now();
  const known = verified.get(token, settings, keysVersion, now_ms);
  if (known) return known;
  const caller = await callerOf(token, settings, background);
  verified.add(token, { caller, settings, keysVersion, at_ms: now_ms });
  return caller;
}

async function callerOf(
  token: string,
  settings: AuthSettings,
  background: Background,
): Promise<Caller> {
  const { sub, exp, iat, scope } = await verifyJwt(token, settings, background).catch(throwProblem);
  if (!v.is(CustomerIdSchema, sub) || typeof exp !== "number") {
    throw new Problem("unauthenticated", { detail: "The token has no usable sub." });
  }
  // jose checks `iat` only together with `maxTokenAge`.
  if (iat !== undefined && iat > Date.now() / 1000 + LEEWAY_S) {
    throw new Problem("unauthenticated", { detail: "The token was issued in the future." });
  }
  const expires_ms = Math.min((exp + LEEWAY_S) * 1000, Number.MAX_SAFE_INTEGER);
  return { sub, scopes: scopesOf(scope), expires_ms };
}

async function verifyJwt(
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
    // Checked first: a token that cannot be valid must not cause a fetch of the set or a 503.
    requireAlgorithm(token, options.algorithms);
    return keySetFor(keys.url).verify((set) => verifyWithKeySet(token, set, check), background);
  }
  return verifyWithAny(keys.secrets, async (secret) => check(await importHmacKey(secret)));
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

/**
 * Any key of the right type may have signed a token without `kid`: one in the set, or one that was
 * published since. In the second case this throws `JWKSNoMatchingKey`, so that the set is
 * refetched.
 */
async function verifyWithKeySet(
  token: string,
  set: JWTVerifyGetKey,
  check: Check,
): Promise<JWTPayload> {
  try {
    return await check(set).catch(async (error: unknown) => {
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error;
      const keys: CryptoKey[] = [];
      for await (const key of error) if (keys.push(key) >= MAX_TRIED_KEYS) break;
      return verifyWithAny(keys, check);
    });
  } catch (error) {
    const isMismatch = error instanceof errors.JWSSignatureVerificationFailed;
    const isRefetchUseful = isMismatch && decodeProtectedHeader(token).kid === undefined;
    throw isRefetchUseful ? new errors.JWKSNoMatchingKey() : error;
  }
}

/** Tries each key until the signature fits. Any other error would occur with every key. */
async function verifyWithAny<K, T>(keys: readonly K[], check: (key: K) => Promise<T>): Promise<T> {
  let refusal: unknown;
  for (const key of keys) {
    try {
      return await check(key);
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error;
      refusal = error;
    }
  }
  throw refusal ?? new errors.JWSSignatureVerificationFailed();
}

/** Cached for the isolate's life; a deployment has one key set. */
let keySet: { url: string; set: KeySet } | undefined;

function keySetFor(url: string): KeySet {
  if (keySet?.url !== url) keySet = { url, set: new KeySet(url) };
  return keySet.set;
}

/** Cached for the isolate's life, because jose imports raw bytes anew for every token. */
const hmacKeys = new Map<string, CryptoKey>();
/** The current and the previous secret, and the same two of the rotation before. */
const MAX_HMAC_KEYS = 4;

async function importHmacKey(secret: string): Promise<CryptoKey> {
  const known = hmacKeys.get(secret);
  if (known) return known;
  const bytes = new TextEncoder().encode(secret);
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
  if (hmacKeys.size >= MAX_HMAC_KEYS) hmacKeys.clear();
  hmacKeys.set(secret, key);
  return key;
}

function throwProblem(error: unknown): never {
  if (error instanceof Problem) throw error;
  // An error that the token did not cause comes from the keys: the set holds an unusable one.
  if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSInvalid)) {
    throw new Problem("unauthenticated", { detail: "The token is not valid." });
  }
  logThrottled("error", "auth.key_rejected", { error: errorText(error) });
  throw new Problem("unavailable", { detail: "The keys to verify tokens cannot be used." });
}

/** Signs a guest's token with the current secret. */
export async function issueGuestToken(
  customerId: string,
  { keys, issuers, audiences }: AuthSettings,
): Promise<string> {
  if (keys.type === "set") throw new Error("only the issuer of a key set can sign tokens");
  const [[issuer], [audience]] = [issuers, audiences];
  return new SignJWT({
    ...(issuer !== undefined && { iss: issuer }),
    ...(audience !== undefined && { aud: audience }),
  })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(customerId)
    .setIssuedAt()
    .setExpirationTime(`${GUEST_TOKEN_DAYS}d`)
    .sign(await importHmacKey(keys.secrets[0]));
}
