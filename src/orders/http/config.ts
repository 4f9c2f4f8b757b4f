import { Hono } from "hono";
import * as v from "valibot";
import { policyOf } from "../config/policy.ts";
import type { AppEnv } from "./app-env.ts";
import { query } from "./validation.ts";

/** What a page needs to know of this deployment. */
export interface ConfigView {
  guestCheckout: boolean;
  /** 0: a confirmed order waits for its payment without limit. */
  paymentWindowSeconds: number;
}

/** Read from the vars alone. It names no request, because Workers Cache gives it to others too. */
export const config = new Hono<AppEnv>().get("/", query(v.strictObject({})), (c) => {
  const { isGuestCheckoutOn, paymentWindow_ms } = policyOf(c.env);
  const view: ConfigView = {
    // With a key set, only its issuer can sign tokens.
    guestCheckout: isGuestCheckoutOn && !c.env.AUTH_JWKS_URL,
    paymentWindowSeconds: paymentWindow_ms / 1_000,
  };
  c.header("X-Request-Id", undefined);
  c.header("Cache-Control", "no-cache");
  c.header("Cloudflare-CDN-Cache-Control", "max-age=60");
  return c.json(view, 200);
});
