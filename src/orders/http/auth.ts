import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";
import { authSettingsFor } from "./auth-settings.ts";
import { Problem } from "./problem.ts";
import { type Caller, isService, assertScope, type Scope } from "./scopes.ts";
import { callerOf } from "./token-verification.ts";

/** Who calls, for every route but those that anyone may call. */

/** The caller of a request, by the token that came with it. Throws `unauthenticated`, `unavailable`. */
export async function authenticate(c: Context<AppEnv>, token: string | undefined): Promise<Caller> {
  // Without keys nothing can be told about anybody, so that comes before a missing token.
  const settings = authSettingsFor(c.env, c.req.url);
  if (token === undefined) throw new Problem("unauthenticated");
  return await callerOf(token, settings, (work) => c.executionCtx.waitUntil(work));
}

/** Any valid token. */
export const requireToken = createMiddleware<AppEnv>(async (c, next) => {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  c.set("caller", await authenticate(c, token));
  await next();
});

/** A valid token with one of these scopes. */
export const requireScopes = (...oneOf: [Scope, ...Scope[]]) =>
  createMiddleware<AppEnv>((c, next) =>
    requireToken(c, async () => {
      assertScope(c.get("caller"), ...oneOf);
      await next();
    }),
  );

/** A customer's valid token, or a service's with one of these scopes. */
export const requireCustomerOrScopes = (...oneOf: [Scope, ...Scope[]]) =>
  createMiddleware<AppEnv>((c, next) =>
    requireToken(c, async () => {
      if (isService(c.get("caller"))) assertScope(c.get("caller"), ...oneOf);
      await next();
    }),
  );
