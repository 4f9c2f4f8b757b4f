import { policyOf } from "../config/policy.ts";
import { logThrottled } from "./log-throttle.ts";
import { isLoopback } from "./loopback.ts";
import { Problem } from "./problem.ts";

/** Reads from the Worker's vars and secrets how tokens are verified. No I/O. */

export interface AuthSettings {
  /** A token has to name one entry, unless the list is empty (RFC 7519, 4.1.1 and 4.1.3). */
  issuers: readonly string[];
  audiences: readonly string[];
  /** `secrets`: HS256; the first signs, any of them verifies. `set`: RS256 or ES256 by a JWKS. */
  keys: { type: "secrets"; secrets: readonly [string, ...string[]] } | { type: "set"; url: string };
}

type AuthEnv = Pick<
  OrdersEnv,
  "AUTH_SECRET" | "AUTH_SECRET_PREVIOUS" | "AUTH_JWKS_URL" | "AUTH_ISSUER" | "AUTH_AUDIENCE"
>;

/** HS256 needs a key at least as long as its hash, 256 bits (RFC 7518, 3.2). */
const MIN_SECRET_CHARS = 32;
/** The public secret of .dev.vars.example. */
export const EXAMPLE_SECRET = "lockstock-local-secret-do-not-deploy";

/** Of the last request: an isolate's env stays, and nearly all requests name one host. */
let last: { env: AuthEnv; origin: string; settings: AuthSettings | string } | undefined;

/** The settings for a request to `url`. Logs why and throws `unavailable` if they are unsafe. */
export function authSettingsFor(env: AuthEnv, url: string): AuthSettings {
  const origin = url.slice(0, url.indexOf("/", "https://".length));
  if (last?.env !== env || last.origin !== origin) {
    last = { env, origin, settings: readAuthSettings(env, new URL(url).hostname) };
  }
  const { settings } = last;
  if (typeof settings !== "string") return settings;
  logThrottled("error", "auth.misconfigured", { reason: settings });
  throw new Problem("unavailable", { detail: "Authentication is not configured." });
}

/** The settings, or a sentence that says why they are unsafe. */
export function readAuthSettings(env: AuthEnv, hostname: string): AuthSettings | string {
  const [issuers, audiences] = [splitList(env.AUTH_ISSUER), splitList(env.AUTH_AUDIENCE)];
  if (env.AUTH_JWKS_URL) {
    const why = keySetError(env.AUTH_JWKS_URL, [...issuers, ...audiences]);
    return why ?? { issuers, audiences, keys: { type: "set", url: env.AUTH_JWKS_URL } };
  }
  const { AUTH_SECRET, AUTH_SECRET_PREVIOUS } = env;
  if (!AUTH_SECRET) {
    return "neither AUTH_SECRET nor AUTH_JWKS_URL is set, so no token can be verified";
  }
  const previous = AUTH_SECRET_PREVIOUS ? [AUTH_SECRET_PREVIOUS] : [];
  const why =
    secretError("AUTH_SECRET", AUTH_SECRET, hostname) ??
    secretError("AUTH_SECRET_PREVIOUS", previous[0], hostname);
  return (
    why ?? { issuers, audiences, keys: { type: "secrets", secrets: [AUTH_SECRET, ...previous] } }
  );
}

function keySetError(text: string, named: readonly string[]): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || (url.protocol !== "https:" && !isLoopback(url.hostname))) {
    return "AUTH_JWKS_URL must be an https URL";
  }
  if (named.length > 0) return undefined;
  // An issuer signs the tokens of many applications with the same keys. Without this check, a token
  // for any of them would be accepted here.
  return "with AUTH_JWKS_URL at least one of AUTH_ISSUER and AUTH_AUDIENCE has to be set";
}

function secretError(name: string, secret: string | undefined, hostname: string) {
  if (secret === undefined) return undefined;
  if (secret.length < MIN_SECRET_CHARS) {
    return `${name} must have at least ${MIN_SECRET_CHARS} characters`;
  }
  if (secret !== EXAMPLE_SECRET || isLoopback(hostname)) return undefined;
  return `${name} is the secret of .dev.vars.example, accepted for requests to localhost only`;
}

/** Whether anyone may become a customer. With a key set, only its issuer can sign tokens. */
export const hasGuestCheckout = (env: OrdersEnv): boolean =>
  policyOf(env).isGuestCheckoutOn && !env.AUTH_JWKS_URL;

/** Splits at commas and trims each value. */
export const splitList = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
