import { logThrottled } from "./log-throttle.ts";
import { Problem } from "./problem.ts";

/** How tokens are verified here, by the vars and secrets of the Worker. No I/O. */

export interface AuthSettings {
  /** Where there are any, a token has to name one of them (RFC 7519, sections 4.1.1 and 4.1.3). */
  issuers: readonly string[];
  audiences: readonly string[];
  /** HS256: the first secret signs, and any of them verifies. Else RS256 or ES256 by a key set. */
  keys: { type: "secrets"; secrets: readonly [string, ...string[]] } | { type: "set"; url: string };
}

type AuthEnv = Pick<
  OrdersEnv,
  "AUTH_SECRET" | "AUTH_SECRET_PREVIOUS" | "AUTH_JWKS_URL" | "AUTH_ISSUER" | "AUTH_AUDIENCE"
>;

/** HS256 needs a key at least as long as its hash: 256 bits (RFC 7518, section 3.2). */
const MIN_SECRET_CHARS = 32;
/** The secret of .dev.vars.example, which everybody knows. */
export const EXAMPLE_SECRET = "lockstock-local-secret-do-not-deploy";

/** The settings for a request to `url`. Throws `unavailable`, and logs why, where there are none. */
export function authSettingsFor(env: AuthEnv, url: string): AuthSettings {
  const settings = readAuthSettings(env, new URL(url).hostname);
  if (typeof settings !== "string") return settings;
  logThrottled("error", "auth.unconfigured", { why: settings });
  throw new Problem("unavailable", { detail: "Authentication is not configured." });
}

/** The settings, or why there are none. */
export function readAuthSettings(env: AuthEnv, hostname: string): AuthSettings | string {
  const [issuers, audiences] = [listOf(env.AUTH_ISSUER), listOf(env.AUTH_AUDIENCE)];
  if (env.AUTH_JWKS_URL) {
    const why = whyNoKeySet(env.AUTH_JWKS_URL, [...issuers, ...audiences]);
    return why ?? { issuers, audiences, keys: { type: "set", url: env.AUTH_JWKS_URL } };
  }
  const { AUTH_SECRET, AUTH_SECRET_PREVIOUS } = env;
  if (!AUTH_SECRET) {
    return "neither AUTH_SECRET nor AUTH_JWKS_URL is set, so no token can be verified";
  }
  const previous = AUTH_SECRET_PREVIOUS ? [AUTH_SECRET_PREVIOUS] : [];
  const why =
    whyNotSecret("AUTH_SECRET", AUTH_SECRET, hostname) ??
    whyNotSecret("AUTH_SECRET_PREVIOUS", previous[0], hostname);
  return (
    why ?? { issuers, audiences, keys: { type: "secrets", secrets: [AUTH_SECRET, ...previous] } }
  );
}

function whyNoKeySet(text: string, named: readonly string[]): string | undefined {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (!url || (url.protocol !== "https:" && !isLoopback(url.hostname))) {
    return "AUTH_JWKS_URL must be an https URL";
  }
  if (named.length > 0) return undefined;
  // The issuer signs for many applications by the same keys: any of their tokens would be good here.
  return "with AUTH_JWKS_URL at least one of AUTH_ISSUER and AUTH_AUDIENCE has to be set";
}

function whyNotSecret(name: string, secret: string | undefined, hostname: string) {
  if (secret === undefined) return undefined;
  if (secret.length < MIN_SECRET_CHARS) {
    return `${name} must have at least ${MIN_SECRET_CHARS} characters`;
  }
  if (secret !== EXAMPLE_SECRET || isLoopback(hostname)) return undefined;
  return `${name} is the secret of .dev.vars.example, which is good for requests to localhost only`;
}

/**
 * A request to this very machine. On the platform no request can claim that: its host is that of a
 * route or of workers.dev. Whoever lets others reach a local run has to set a secret of their own.
 */
const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" ||
  hostname.endsWith(".localhost") ||
  hostname === "127.0.0.1" ||
  hostname === "[::1]";

/** Values between commas; spaces around them do not count. */
const listOf = (text: string | undefined): string[] =>
  (text ?? "")
    .split(",")
    .map((value) => value.trim())
    .filter((value) => value !== "");
