import { Hono } from "hono";
import { policyOf } from "../config/policy.ts";
import type { AppEnv } from "./app-env.ts";
import { authSettingsFor } from "./auth-settings.ts";
import { Problem } from "./problem.ts";
import { guestLimit } from "./rate-limit.ts";
import { issueGuestToken } from "./token-verification.ts";

export const guests = new Hono<AppEnv>().post("/", guestLimit, async (c) => {
  // With a key set, only its issuer can sign tokens.
  if (!policyOf(c.env).isGuestCheckoutOn || c.env.AUTH_JWKS_URL) {
    throw new Problem("not_found", { detail: "Guest checkout is off." });
  }
  const customerId = `guest_${crypto.randomUUID()}`;
  const token = await issueGuestToken(customerId, authSettingsFor(c.env, c.req.url));
  return c.json({ customerId, token }, 201);
});
