import { Hono } from "hono";
import type { AppEnv } from "./app-env.ts";
import { Problem } from "./problem.ts";
import { turnstileViewFor } from "./turnstile-settings.ts";

/** From where the widget's script and its frame come. The only other origin that any page loads from. */
const CHALLENGES = "https://challenges.cloudflare.com";

/**
 * https://developers.cloudflare.com/turnstile/reference/content-security-policy/
 * Of pages only ours may frame it.
 */
const POLICY = [
  "default-src 'self'",
  `script-src 'self' ${CHALLENGES}`,
  `frame-src ${CHALLENGES}`,
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'self'",
].join("; ");

const HEADERS = {
  "Content-Security-Policy": POLICY,
  // The widget's frame learns this origin, which is what it is bound to, and no path.
  "Referrer-Policy": "strict-origin-when-cross-origin",
  "X-Frame-Options": "SAMEORIGIN",
};

/**
 * The page with Turnstile's widget, which the shop shows in a frame. It is a page of its own, and
 * served by the Worker, because its policy depends on the deployment's settings and has to allow
 * what no other page may load; the static files' policy in public/_headers stays as it is.
 */
export const challenge = new Hono<AppEnv>().get("/challenge", async (c) => {
  if (turnstileViewFor(c.env, c.req.url) === null) {
    throw new Problem("not_found", { detail: "New guests are not checked here." });
  }
  // Without the request's conditions: it is answered whole, and kept by no cache.
  const file = await c.env.ASSETS.fetch(new URL("/challenge", c.req.url));
  if (file.status !== 200) throw new Error(`the page of the challenge is ${file.status}`);
  return c.html(await file.text(), 200, HEADERS);
});
