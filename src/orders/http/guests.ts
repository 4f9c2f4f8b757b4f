import { Hono } from "hono";
import { policyOf } from "../policy.ts";
import { guestToken } from "./auth.ts";
import { Problem } from "./problem.ts";
import { guestLimit } from "./rate-limit.ts";
import type { AppEnv } from "./app.ts";

export const guests = new Hono<AppEnv>().post("/", guestLimit, async (c) => {
  // With a key set the tokens are somebody else's to issue.
  if (!policyOf(c.env).isGuestCheckoutOn || c.env.AUTH_JWKS_URL) {
    throw new Problem("not_found", { detail: "Guest checkout is off." });
  }
  const customerId = `guest_${crypto.randomUUID()}`;
  return c.json({ customerId, token: await guestToken(customerId, c.env) }, 201);
});
