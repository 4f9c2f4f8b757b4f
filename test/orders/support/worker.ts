import { applyD1Migrations, type D1Migration } from "cloudflare:test";
import { env, exports } from "cloudflare:workers";
import { signHs256 } from "../../../scripts/lib/jwt.ts";
import type { StockApi } from "../../../src/contract/stock-api.ts";
import type { Placement } from "../../../src/orders/place/placement.sql.ts";

declare global {
  namespace Cloudflare {
    interface Env extends OrdersEnv {
      MIGRATIONS: D1Migration[];
    }
  }
}

export const migrate = (): Promise<void> => applyD1Migrations(env.DB, env.MIGRATIONS);

const self = (exports as { default: { fetch(request: Request): Promise<Response> } }).default;

export interface CallOptions {
  token?: string;
  body?: unknown;
  headers?: Record<string, string>;
}

export function requestFor(
  method: string,
  path: string,
  { token, body, headers }: CallOptions = {},
): Request {
  return new Request(`https://lockstock.test${path}`, {
    method,
    headers: {
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
}

/** A call to the Worker as a client makes it. */
export const call = (method: string, path: string, options?: CallOptions): Promise<Response> =>
  self.fetch(requestFor(method, path, options));

export interface TokenOptions {
  scope?: string;
  /** From now; negative: it has run out. */
  lasts_s?: number;
  secret?: string;
}

export function tokenFor(
  customerId: string,
  { scope, lasts_s = 3_600, secret = env.AUTH_SECRET! }: TokenOptions = {},
): Promise<string> {
  return signHs256(secret, customerId, {
    scope,
    expires: Math.floor(Date.now() / 1000) + lasts_s,
  });
}

export const operatorToken = (): Promise<string> => tokenFor("op", { scope: "orders operator" });

let customers = 0;
/** A customer nobody has seen before. */
export const newCustomer = (): string => `customer_${crypto.randomUUID()}_${++customers}`;

interface Fakes {
  DB?: D1Database;
  AUTH_SECRET?: string;
  AUTH_SECRET_PREVIOUS?: string;
  AUTH_JWKS_URL?: string;
  AUTH_ISSUER?: string;
  AUTH_AUDIENCE?: string;
  GUEST_CHECKOUT?: string;
  SOLD_OUT_GATE?: string;
  RATE_LIMIT?: string;
  PAYMENT_WINDOW_SECONDS?: string;
  DESK?: { getByName(name: string): { place(candidate: unknown): Promise<Placement> } };
  FEED?: { getByName(name: string): { push(orders: unknown): Promise<void> } };
  STOCK?: Partial<StockApi>;
  STOCK_EVENTS?: Queue;
  ORDER_EVENTS?: Queue;
  ORDER_EVENTS_QUEUE?: string;
  ORDER_EVENTS_DLQ_QUEUE?: string;
  STOCK_EVENTS_QUEUE?: string;
  STOCK_EVENTS_DLQ_QUEUE?: string;
}

/** The Worker's env with some of it replaced. */
export const envWith = <F extends Fakes>(fakes: F): Cloudflare.Env & F =>
  Object.assign({}, env, fakes);

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
  requestId: string;
  errors?: { path: string; message: string }[];
  [extra: string]: unknown;
}

export const problemOf = (response: Response): Promise<ProblemBody> => response.json();

/** Rows of everything a call could have written. */
export async function rowCounts(): Promise<Record<string, number>> {
  const tables = ["items", "orders", "idempotency_keys", "presence", "dead_letters"];
  const counts = await env.DB.batch<{ n: number }>(
    tables.map((table) => env.DB.prepare(`SELECT count(*) AS n FROM ${table}`)),
  );
  return Object.fromEntries(tables.map((table, i) => [table, counts[i]?.results[0]?.n ?? -1]));
}
