import { hasGuestCheckout, splitList } from "./auth-settings.ts";
import { logThrottled } from "./log-throttle.ts";
import { isLoopback } from "./loopback.ts";
import { Problem } from "./problem.ts";

/** Reads from the Worker's vars and secrets whether new guests pass Cloudflare's Turnstile. No I/O. */

export interface TurnstileSettings {
  /** Public: the page gives it to the widget. */
  siteKey: string;
  secret: string;
  /** The platform's siteverify, or a stand-in for it. */
  verifyUrl: string;
  /** Where the widget may have been shown. Null with a test secret, whose answers name no real host. */
  hostnames: readonly string[] | null;
}

type TurnstileEnv = Pick<
  OrdersEnv,
  "TURNSTILE_SECRET" | "TURNSTILE_SITE_KEY" | "TURNSTILE_VERIFY_URL" | "CORS_ORIGINS"
>;

/**
 * What the widget is rendered with and a token must have been made for, so that a token of another
 * form of the shop, which may have the same site key, makes no guest.
 */
export const TURNSTILE_ACTION = "guest";

/**
 * Cloudflare's public secrets for tests. With the first, everybody passes.
 * https://developers.cloudflare.com/turnstile/troubleshooting/testing/
 */
const TEST_SECRETS = [1, 2, 3].map((n) => `${n}x0000000000000000000000000000000AA`);

/** Null: off. Logs why and throws `unavailable` if the settings are not usable. */
export function turnstileSettingsFor(env: TurnstileEnv, url: string): TurnstileSettings | null {
  const settings = readTurnstileSettings(env, new URL(url).hostname);
  if (typeof settings !== "string") return settings;
  logThrottled("error", "turnstile.misconfigured", { reason: settings });
  throw new Problem("unavailable", { detail: "The check of new guests is not configured." });
}

/** What a page needs to know of the widget. */
export interface TurnstileView {
  siteKey: string;
  action: string;
}

/** Null: there is none. Of settings that are not usable, `POST /v1/guests` and an alert tell. */
export function turnstileViewFor(env: OrdersEnv, url: string): TurnstileView | null {
  if (!hasGuestCheckout(env)) return null;
  const settings = readTurnstileSettings(env, new URL(url).hostname);
  if (settings === null || typeof settings === "string") return null;
  return { siteKey: settings.siteKey, action: TURNSTILE_ACTION };
}

/** Why no guest can be made, for an alert; null: they can, or nobody may. */
export function turnstileErrorFor(env: OrdersEnv, url: string): string | null {
  const settings = hasGuestCheckout(env) && readTurnstileSettings(env, new URL(url).hostname);
  return typeof settings === "string" ? settings : null;
}

/** The settings for requests to a host name; null: off; or a sentence that says what is wrong. */
export function readTurnstileSettings(
  env: TurnstileEnv,
  hostname: string,
): TurnstileSettings | string | null {
  const { TURNSTILE_SECRET: secret, TURNSTILE_SITE_KEY: siteKey, TURNSTILE_VERIFY_URL } = env;
  if (!secret && !siteKey) return null;
  if (!siteKey) return "TURNSTILE_SECRET is set without TURNSTILE_SITE_KEY";
  if (!secret) return "TURNSTILE_SITE_KEY is set without TURNSTILE_SECRET";
  const isTest = TEST_SECRETS.includes(secret);
  if (isTest && !isLoopback(hostname)) {
    return "TURNSTILE_SECRET is one of Cloudflare's test secrets, accepted for requests to localhost only";
  }
  const verifyUrl = URL.canParse(TURNSTILE_VERIFY_URL) ? new URL(TURNSTILE_VERIFY_URL) : null;
  if (!verifyUrl || (verifyUrl.protocol !== "https:" && !isLoopback(verifyUrl.hostname))) {
    return "TURNSTILE_VERIFY_URL must be an https URL";
  }
  // Of an entry that is no origin, the response to any call of that origin tells.
  const origins = splitList(env.CORS_ORIGINS).filter((origin) => URL.canParse(origin));
  const hostnames = [hostname, ...origins.map((origin) => new URL(origin).hostname)];
  return { siteKey, secret, verifyUrl: verifyUrl.href, hostnames: isTest ? null : hostnames };
}
