import type { AppEnv } from "./app-env.ts";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";

/** A header that an answer has of its own stays: pages bring their own policy. */
const HEADERS = {
  "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
  "X-Frame-Options": "DENY",
};
/** Two years, as the browsers' preload lists ask. */
const TRANSPORT = "max-age=63072000; includeSubDomains";

/**
 * On every answer: nothing of it is a document, to be framed or guessed at. Said beforehand, for
 * what Hono makes; a header on a finished answer costs a copy of it.
 */
export const securityHeaders = createMiddleware<AppEnv>(async (c, next) => {
  const own = Object.entries(HEADERS);
  // Browsers ignore it over http (RFC 6797, 8.1), and on localhost it would outlive the run.
  if (c.req.url.startsWith("https:")) own.push(["Strict-Transport-Security", TRANSPORT]);
  for (const [name, value] of own) c.header(name, value);
  await next();
  for (const [name, value] of own) if (!c.res.headers.has(name)) c.header(name, value);
});

const PREFLIGHT_SECONDS = 3_600;

const shared = cors({
  origin: (origin) => origin,
  allowMethods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
  allowHeaders: ["Authorization", "Content-Type", "Idempotency-Key", "Prefer", "X-Request-Id"],
  exposeHeaders: [
    "Location",
    "Idempotency-Replayed",
    "Preference-Applied",
    "Retry-After",
    "X-Request-Id",
  ],
  maxAge: PREFLIGHT_SECONDS,
});

/**
 * CORS for the origins in CORS_ORIGINS. Tokens travel in a header, never in a cookie, so answers
 * carry no `Access-Control-Allow-Credentials`.
 */
export const crossOrigin = createMiddleware<AppEnv>(async (c, next) => {
  const origins = originsOf(c.env.CORS_ORIGINS);
  if (origins.includes(c.req.header("Origin") ?? "")) return shared(c, next);
  await next();
  if (origins.length > 0) c.header("Vary", "Origin", { append: true });
});

/**
 * Whether a page of this origin may open a WebSocket here, which CORS does not cover: one of our
 * own, or one in CORS_ORIGINS. Without an `Origin` it is no browser that asks.
 */
export function isKnownOrigin(origin: string | undefined, url: string, list: string): boolean {
  return origin === undefined || origin === new URL(url).origin || originsOf(list).includes(origin);
}

/** Throws with the var's name when an entry is no origin, e.g. because it ends with a slash. */
export function originsOf(list: string): string[] {
  const origins = list
    .split(",")
    .map((origin) => origin.trim())
    .filter((origin) => origin !== "");
  for (const origin of origins) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin)
      throw new RangeError(`var CORS_ORIGINS: ${origin} is no origin like https://shop.example`);
  }
  return origins;
}
