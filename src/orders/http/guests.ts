import { Hono } from "hono";
import { createMiddleware } from "hono/factory";
import * as v from "valibot";
import type { AppEnv } from "./app-env.ts";
import { authSettingsFor, hasGuestCheckout } from "./auth-settings.ts";
import { concurrencyLimit } from "./concurrency-limit.ts";
import { Problem } from "./problem.ts";
import { limitCheck, limitGuest } from "./rate-limit.ts";
import { issueGuestToken } from "./token-verification.ts";
import { turnstileSettingsFor } from "./turnstile-settings.ts";
import { checkTurnstileToken, MAX_TOKEN_CHARS } from "./turnstile.ts";
import { readOptionalJson } from "./validation.ts";

/** Body with Turnstile on; without it none is read. */
export const GuestSchema = v.strictObject({
  turnstileToken: v.pipe(
    v.string("is required: the token of the Turnstile widget, see GET /v1/config"),
    v.minLength(1, "must not be empty"),
    v.maxLength(MAX_TOKEN_CHARS, `must have at most ${MAX_TOKEN_CHARS} characters`),
  ),
});

/** In one isolate, of callers that wait for siteverify. */
const MAX_CHECKS = 200;
/** Longer than a check can take: 15 s for the body, 8 s for siteverify. */
const CHECK_LEASE_MS = 40_000;
const checks = concurrencyLimit(MAX_CHECKS, CHECK_LEASE_MS);

/** Lets nobody pass without a good token, if Turnstile is on, and so many of an address. */
const requireChallenge = createMiddleware<AppEnv>(async (c, next) => {
  const settings = turnstileSettingsFor(c.env, c.req.url);
  if (settings === null) {
    await limitGuest(c);
    return next();
  }
  // Before the check, which costs a call of siteverify: bad tokens count as well.
  await limitCheck(c);
  // Before the check: a token counts once, and would be lost if no guest could be made.
  authSettingsFor(c.env, c.req.url);
  return checks.holdSlot(c, async () => {
    const { turnstileToken } = await readOptionalJson(c, GuestSchema);
    await checkTurnstileToken(settings, turnstileToken, c.req.header("CF-Connecting-IP"));
    await next();
  });
});

/** Comes before all else: a deployment without guests verifies nothing. */
const requireGuestCheckout = createMiddleware<AppEnv>(async (c, next) => {
  if (!hasGuestCheckout(c.env)) {
    throw new Problem("not_found", { detail: "Guest checkout is off." });
  }
  await next();
});

export const guests = new Hono<AppEnv>().post(
  "/",
  requireGuestCheckout,
  requireChallenge,
  async (c) => {
    const customerId = `guest_${crypto.randomUUID()}`;
    const token = await issueGuestToken(customerId, authSettingsFor(c.env, c.req.url));
    return c.json({ customerId, token }, 201);
  },
);
