import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";
import { authSettingsFor } from "./auth-settings.ts";
import { Problem } from "./problem.ts";
import { type Caller, isService, assertScope, type Scope } from "./scopes.ts";
import { verifyToken } from "./token-verification.ts";

/** Identifies the caller of a request by its token. Throws `unauthenticated` or `unavailable`. */
export async function authenticate(c: Context<AppEnv>, token: string | undefined): Promise<Caller> {
  // A missing configuration is reported first: without keys, no token could be verified anyway.
  const settings = authSettingsFor(c.env, c.req.url);
  if (token === undefined) throw new Problem("unauthenticated");
  return await verifyToken(token, settings, (work) => c.executionCtx.waitUntil(work));
}

/** Requires a valid token. */
export const requireToken = createMiddleware<AppEnv>(async (c, next) => {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  c.set("caller", await authenticate(c, token));
  await next();
});

/** Requires a valid token with one of these scopes. */
export const requireScopes = (...oneOf: [Scope, ...Scope[]]) =>
  createMiddleware<AppEnv>((c, next) =>
    requireToken(c, async () => {
      assertScope(c.get("caller"), ...oneOf);
      await next();
    }),
  );

/** Requires a customer's token, or a service's with one of these scopes. */
export const requireCustomerOrScopes = (...oneOf: [Scope, ...Scope[]]) =>
  createMiddleware<AppEnv>((c, next) =>
    requireToken(c, async () => {
      if (isService(c.get("caller"))) assertScope(c.get("caller"), ...oneOf);
      await next();
    }),
  );
