import type { HonoRequest } from "hono";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import type { AppEnv } from "./app-env.ts";
import { splitList } from "./auth-settings.ts";

/** Defaults: a header that the response already has stays, since pages and the catalogue have their own. */
const HEADERS = {
  // The platform's cache keeps a 200 without it for two hours, and tokens are not in its key.
  "Cache-Control": "no-store",
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
/** Two years, as browsers' preload lists recommend. */
const HSTS = "max-age=63072000; includeSubDomains";

/**
 * Sets security headers on every response: API responses are not documents, so they must not be
 * framed or have their type guessed. The headers are set before the handler runs, because setting
 * one on a finished response costs a copy of that response.
 */
export const securityHeaders = createMiddleware<AppEnv>(async (c, next) => {
  const own = Object.entries(HEADERS);
  // Browsers ignore HSTS over http (RFC 6797, 8.1); on localhost it would outlive a local run.
  if (c.req.url.startsWith("https:")) own.push(["Strict-Transport-Security", HSTS]);
  for (const [name, value] of own) c.header(name, value);
  await next();
  // A response that Hono did not make has none of them, or those of its own.
  if (c.res.headers.has("X-Frame-Options")) return;
  for (const [name, value] of own) if (!c.res.headers.has(name)) c.header(name, value);
});

const PREFLIGHT_SECONDS = 3_600;
const EXPOSED_HEADERS = [
  "ETag",
  "Location",
  "Idempotency-Replayed",
  "Preference-Applied",
  "Retry-After",
  "X-Request-Id",
];

const allowOrigin = cors({
  origin: (origin) => origin,
  allowMethods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"],
  allowHeaders: [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "Prefer",
    "Traceparent",
    "X-Request-Id",
  ],
  exposeHeaders: EXPOSED_HEADERS,
  maxAge: PREFLIGHT_SECONDS,
});

/**
 * CORS for the origins in CORS_ORIGINS. Responses need no `Access-Control-Allow-Credentials`,
 * because tokens travel in a header and never in a cookie.
 */
export const crossOrigin = createMiddleware<AppEnv>(async (c, next) => {
  const origins = originsOf(c.env.CORS_ORIGINS);
  // What anyone may read is the same for every origin, so that a cache can keep one response.
  if (origins.length > 0 && isPublicRead(c.req)) {
    await next();
    c.header("Access-Control-Allow-Origin", "*");
    c.header("Access-Control-Expose-Headers", EXPOSED_HEADERS.join(","));
    return;
  }
  if (origins.includes(c.req.header("Origin") ?? "")) return allowOrigin(c, next);
  await next();
  if (origins.length > 0) c.header("Vary", "Origin", { append: true });
});

const isPublicRead = ({ method, path }: HonoRequest): boolean =>
  (method === "GET" || method === "HEAD") && /^\/v1\/(config|items(\/[^/]+)?)$/.test(path);

/**
 * Whether a page of this origin may open a WebSocket, which CORS does not cover: the Worker's own
 * origin and those in CORS_ORIGINS may. A request without `Origin` does not come from a browser.
 */
export function isKnownOrigin(origin: string | undefined, url: string, list: string): boolean {
  return origin === undefined || origin === new URL(url).origin || originsOf(list).includes(origin);
}

/** Throws with the var's name when an entry is not an origin, e.g. because it ends with a slash. */
export function originsOf(list: string): string[] {
  const origins = splitList(list);
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new RangeError(
        `var CORS_ORIGINS: ${origin} is not an origin like https://shop.example`,
      );
  }
  return origins;
}
