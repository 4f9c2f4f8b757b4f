import {
  applyD1Migrations,
  createExecutionContext,
  type D1Migration,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { type JWTHeaderParameters, SignJWT } from "jose";
import { inject } from "vitest";
import { app } from "../../../src/orders/http/app.ts";
import type { Route } from "./routes.ts";

declare global {
  namespace Cloudflare {
    interface Env extends OrdersEnv {
      MIGRATIONS: D1Migration[];
    }
  }
}

export const migrate = (): Promise<void> => applyD1Migrations(env.DB, env.MIGRATIONS);

export interface Call {
  token?: string | undefined;
  headers?: Record<string, string> | Headers;
  /** Sent as it is when it is text, a stream or bytes, else as JSON. */
  body?: unknown;
  base?: string;
  /** Replaces parts of the env. */
  vars?: Partial<OrdersEnv>;
}

/** A call of the Worker's own app, with its real bindings, some of them replaced. */
export async function call(method: string, path: string, options: Call = {}): Promise<Response> {
  const { token, body, base = "https://shop.test", vars = {} } = options;
  const headers = new Headers(options.headers);
  if (token !== undefined) headers.set("Authorization", `Bearer ${token}`);
  if (body !== undefined && !headers.has("Content-Type")) {
    headers.set("Content-Type", "application/json");
  }
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const request = new Request(`${base}${path}`, {
    method,
    headers,
    body: body === undefined ? null : isRaw ? body : JSON.stringify(body),
  });
  const context = createExecutionContext();
  const own = { ...env, STRIPE_WEBHOOK_SECRET: "whsec_that_nobody_here_has", ...vars };
  const response = await app.fetch(request, own, context);
  await waitOnExecutionContext(context);
  if (!EXPORTED.test(response.headers.get("Content-Type") ?? "")) return response;
  // An export holds a slot until it is read.
  return new Response(await response.arrayBuffer(), response);
}

/** With Turnstile, against a stand-in for siteverify. */
export const turnstileVars = () => ({
  TURNSTILE_SECRET: "the secret key of the widget",
  TURNSTILE_SITE_KEY: "the site key",
  TURNSTILE_VERIFY_URL: inject("siteverify"),
});

/** Settings under which a route does what it is for. */
export const varsOf = ({ needsTurnstile }: Route): Partial<OrdersEnv> =>
  needsTurnstile ? turnstileVars() : {};

const EXPORTED = /^(text\/csv|application\/x-ndjson)/;

const keyOf = (secret: string) => new TextEncoder().encode(secret);

export interface TokenOptions {
  scope?: string;
  /** From now; negative: it has run out. */
  lasts_s?: number;
  secret?: string;
  header?: JWTHeaderParameters;
}

export function tokenFor(
  subject: string | undefined,
  {
    scope,
    lasts_s = 3_600,
    secret = env.AUTH_SECRET!,
    header = { alg: "HS256" },
  }: TokenOptions = {},
): Promise<string> {
  const token = new SignJWT(scope === undefined ? {} : { scope });
  if (subject !== undefined) token.setSubject(subject);
  return token
    .setProtectedHeader(header)
    .setExpirationTime(Math.floor(Date.now() / 1000) + lasts_s)
    .sign(keyOf(secret));
}

let customers = 0;
/** A customer nobody has seen before. */
export const newCustomer = (): string => `customer-${++customers}`;

export const operatorToken = (): Promise<string> => tokenFor("op", { scope: "operator" });

/** An item of the catalogue. */
export async function addItem(sku: string): Promise<string> {
  const item = { name: `The ${sku}`, price: { amount: 250, currency: "EUR" } };
  const { status } = await call("PUT", `/v1/items/${sku}`, {
    token: await operatorToken(),
    body: item,
  });
  if (status >= 300) throw new Error(`PUT ${sku}: ${status}`);
  return sku;
}

export const lineOf = (sku: string) => ({ lines: [{ sku, quantity: 1 }] });
