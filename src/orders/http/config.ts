import { Hono } from "hono";
import * as v from "valibot";
import { policyOf } from "../config/policy.ts";
import type { AppEnv } from "./app-env.ts";
import { hasGuestCheckout } from "./auth-settings.ts";
import { type TurnstileView, turnstileViewFor } from "./turnstile-settings.ts";
import { query } from "./validation.ts";

/** What a page needs to know of this deployment. */
export interface ConfigView {
  guestCheckout: boolean;
  /** 0: a confirmed order waits for its payment without limit. */
  paymentWindowSeconds: number;
  /** What to render Turnstile's widget with, whose token a new guest needs; null: none is needed. */
  turnstile: TurnstileView | null;
}

/** Read from the vars alone. It names no request, because Workers Cache gives it to others too. */
export const config = new Hono<AppEnv>().get("/", query(v.strictObject({})), (c) => {
  const view: ConfigView = {
    guestCheckout: hasGuestCheckout(c.env),
    paymentWindowSeconds: policyOf(c.env).paymentWindow_ms / 1_000,
    turnstile: turnstileViewFor(c.env, c.req.url),
  };
  c.header("X-Request-Id", undefined);
  c.header("Cache-Control", "no-cache");
  c.header("Cloudflare-CDN-Cache-Control", "max-age=60");
  return c.json(view, 200);
});
