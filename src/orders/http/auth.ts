import { createMiddleware } from "hono/factory";
import { createRemoteJWKSet, errors, jwtVerify, SignJWT, type JWTVerifyResult } from "jose";
import * as v from "valibot";
import { errorText, log } from "../../contract/log.ts";
import { CustomerIdSchema } from "./customer-id.ts";
import { Problem } from "./problem.ts";
import { type Caller, isService, requireScope, type Scope, scopesOf } from "./rights.ts";

type AuthEnv = Pick<OrdersEnv, "AUTH_SECRET" | "AUTH_JWKS_URL">;
type Jwks = ReturnType<typeof createRemoteJWKSet>;

const GUEST_TOKEN_DAYS = 30;

/** Fetched keys are kept for the isolate's life; jose refreshes them when a new `kid` turns up. */
let jwks: { url: string; keys: Jwks } | undefined;

/**
 * The caller of a bearer token. The configured key source fixes the algorithm, never the token:
 * `AUTH_JWKS_URL` RS256/ES256, else `AUTH_SECRET` HS256. Throws `unauthenticated`, or `unavailable`
 * when no key is configured or the key set cannot be had.
 */
export async function callerOf(token: string, env: AuthEnv): Promise<Caller> {
  try {
    const { payload } = await verify(token, env);
    const { sub, exp, scope } = payload;
    if (!v.is(CustomerIdSchema, sub) || typeof exp !== "number") {
      throw new Problem("unauthenticated", { detail: "The token has no usable sub." });
    }
    return { sub, scopes: scopesOf(scope), expires_ms: exp * 1000 };
  } catch (error) {
    throw asProblem(error);
  }
}

async function verify(token: string, env: AuthEnv): Promise<JWTVerifyResult> {
  const requiredClaims = ["sub", "exp"];
  if (env.AUTH_JWKS_URL) {
    if (jwks?.url !== env.AUTH_JWKS_URL) {
      jwks = { url: env.AUTH_JWKS_URL, keys: createRemoteJWKSet(new URL(env.AUTH_JWKS_URL)) };
    }
    return jwtVerify(token, jwks.keys, { algorithms: ["RS256", "ES256"], requiredClaims });
  }
  return jwtVerify(token, await hmacKeyOf(secretOf(env)), {
    algorithms: ["HS256"],
    requiredClaims,
  });
}

/** Kept for the isolate's life: jose would import the bytes of a secret for every token. */
let hmac: { secret: string; key: CryptoKey } | undefined;

async function hmacKeyOf(secret: string): Promise<CryptoKey> {
  if (hmac?.secret !== secret) {
    const bytes = new TextEncoder().encode(secret);
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", bytes, algorithm, false, ["sign", "verify"]);
    hmac = { secret, key };
  }
  return hmac.key;
}

/** Throws `unavailable` when no token can be verified here at all. */
export function requireKeys(env: AuthEnv): void {
  if (!env.AUTH_JWKS_URL) secretOf(env);
}

function secretOf({ AUTH_SECRET }: AuthEnv): string {
  if (AUTH_SECRET) return AUTH_SECRET;
  log("error", "auth.unconfigured", {
    why: "neither AUTH_SECRET nor AUTH_JWKS_URL is set, so no token can be verified",
  });
  throw new Problem("unavailable", { detail: "Authentication is not configured." });
}

function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  // The generic code is what jose gives a key set that could not be fetched or read.
  const isToken =
    error instanceof errors.JOSEError &&
    !["ERR_JOSE_GENERIC", "ERR_JWKS_TIMEOUT", "ERR_JWKS_INVALID"].includes(error.code);
  if (isToken) return new Problem("unauthenticated", { detail: "The token is not valid." });
  log("error", "auth.keys_unavailable", { error: errorText(error) });
  return new Problem("unavailable", { detail: "The keys to verify tokens cannot be had." });
}

/** A token for a guest; only a deployment with its own secret can issue one. */
export async function guestToken(customerId: string, env: AuthEnv): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(customerId)
    .setIssuedAt()
    .setExpirationTime(`${GUEST_TOKEN_DAYS}d`)
    .sign(await hmacKeyOf(secretOf(env)));
}

export interface AuthVariables {
  caller: Caller;
}

type Auth = { Bindings: OrdersEnv; Variables: AuthVariables };

/** Any valid token. */
export const authenticated = createMiddleware<Auth>(async (c, next) => {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  // Without a key nothing can be told about anybody, so that comes before a missing token.
  requireKeys(c.env);
  if (token === undefined) throw new Problem("unauthenticated");
  c.set("caller", await callerOf(token, c.env));
  await next();
});

/** A valid token with one of these scopes. */
export const needs = (...oneOf: [Scope, ...Scope[]]) =>
  createMiddleware<Auth>((c, next) =>
    authenticated(c, async () => {
      requireScope(c.get("caller"), ...oneOf);
      await next();
    }),
  );

/** A customer's valid token, or a service's with one of these scopes. */
export const customerOr = (...oneOf: [Scope, ...Scope[]]) =>
  createMiddleware<Auth>((c, next) =>
    authenticated(c, async () => {
      if (isService(c.get("caller"))) requireScope(c.get("caller"), ...oneOf);
      await next();
    }),
  );
