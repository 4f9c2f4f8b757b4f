import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { authSettingsFor } from "./auth-settings.ts";
import { Problem } from "./problem.ts";
import { type Caller, isService, requireScope, type Scope } from "./rights.ts";
import { callerOf } from "./tokens.ts";

/** Who calls, for every route but those that anyone may call. */

export interface AuthVariables {
  caller: Caller;
}

type Auth = { Bindings: OrdersEnv; Variables: AuthVariables };

/** The caller of a request, by the token that came with it. Throws `unauthenticated`, `unavailable`. */
export async function authenticate<E extends Auth>(
  c: Context<E>,
  token: string | undefined,
): Promise<Caller> {
  // Without keys nothing can be told about anybody, so that comes before a missing token.
  const settings = authSettingsFor(c.env, c.req.url);
  if (token === undefined) throw new Problem("unauthenticated");
  return await callerOf(token, settings, (work) => c.executionCtx.waitUntil(work));
}

/** Any valid token. */
export const authenticated = createMiddleware<Auth>(async (c, next) => {
  const token = /^Bearer ([\w.~+/-]+=*)$/i.exec(c.req.header("Authorization") ?? "")?.[1];
  c.set("caller", await authenticate(c, token));
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
