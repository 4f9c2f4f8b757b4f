import {
  applyD1Migrations,
  createExecutionContext,
  type D1Migration,
  runInDurableObject,
  waitOnExecutionContext,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { v7 } from "uuid";
import { signHs256 } from "../../../scripts/lib/jwt.ts";
import { unpack } from "../../../src/contract/envelope.ts";
import type { OrderEvent } from "../../../src/contract/order-events.ts";
import type { StockApi } from "../../../src/contract/stock-api.ts";
import type { Shortage } from "../../../src/contract/stock-events.ts";
import { app } from "../../../src/orders/http/app.ts";
import { getOrder } from "../../../src/orders/order/order-queries.sql.ts";
import type { Order, OrderView } from "../../../src/orders/order/order.ts";
import type { OrderDesk, Reconciler } from "../../../src/orders/worker.ts";

declare global {
  namespace Cloudflare {
    interface Env extends OrdersEnv {
      MIGRATIONS: D1Migration[];
    }
  }
}

export const migrate = (): Promise<void> => applyD1Migrations(env.DB, env.MIGRATIONS);

export const desk = () => env.DESK.getByName("desk-0");
export const reconciler = () => env.RECONCILER.getByName("reconciler");

export const newSku = (): string => `SKU-${v7()}`;
export const newCustomer = (): string => `customer_${v7()}`;

/** A queue that only writes down the events it was sent. */
export function recordingQueue<E>(): { queue: Queue; events: E[]; messages: () => number } {
  const bodies: unknown[] = [];
  const events: E[] = [];
  const take = (body: unknown) => {
    bodies.push(body);
    events.push(...(unpack(body).events as E[]));
  };
  const metrics = { backlogCount: 0, backlogBytes: 0 };
  const queue: Queue = {
    metrics: async () => metrics,
    async send(body) {
      take(body);
      return { metadata: { metrics } };
    },
    async sendBatch(messages) {
      for (const { body } of messages) take(body);
      return { metadata: { metrics } };
    },
  };
  return { queue, events, messages: () => bodies.length };
}

export interface WorldOptions {
  vars?: Partial<OrdersEnv>;
  /** Instead of the real stock Worker. */
  stock?: Partial<StockApi>;
  db?: D1Database;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: OrderView & {
    code: string;
    order?: OrderView;
    shortages?: Shortage[];
    [member: string]: unknown;
  };
}

/**
 * The orders Worker with real D1 and real stock items, whose messages go nowhere but into `sent`.
 * What is under way in the background has ended when a call's answer is here.
 */
export async function worldOf({ vars, stock, db }: WorldOptions = {}) {
  const { queue, events: sent, messages } = recordingQueue<OrderEvent>();
  const own = Object.assign({}, env, vars, {
    ORDER_EVENTS: queue,
    ...(stock && { STOCK: stock }),
    ...(db && { DB: db }),
  });
  await runInDurableObject(desk(), (it: OrderDesk) => Reflect.set(it, "env", own));
  await runInDurableObject(reconciler(), (it: Reconciler) => Reflect.set(it, "env", own));

  async function fetch(
    method: string,
    path: string,
    headers: Record<string, string> = {},
    body?: string,
  ): Promise<Response> {
    const context = createExecutionContext();
    const url = `https://lockstock.test${path}`;
    const init = { method, headers, ...(body !== undefined && { body }) };
    const response = await app.fetch(new Request(url, init), own, context);
    await waitOnExecutionContext(context);
    return response;
  }

  async function call(
    method: string,
    path: string,
    { as, body, headers }: { as?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const all = {
      ...(as !== undefined && { Authorization: `Bearer ${await tokenFor(as)}` }),
      ...(body !== undefined && { "Content-Type": "application/json" }),
      ...headers,
    };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const response = await fetch(method, path, all, text);
    const { status } = response;
    const answered = status === 204 ? {} : await response.json();
    return { status, headers: response.headers, body: answered as Answer["body"] };
  }

  return {
    env: own,
    sent,
    messages,
    call,
    fetch,
    place: (
      as: string,
      lines: { sku: string; quantity: number }[],
      headers: Record<string, string> = {},
    ) => call("POST", "/v1/orders", { as, body: { lines }, headers }),
    pay: (id: string) => call("POST", `/v1/orders/${id}/pay`, { as: OPERATOR }),
    cancel: (id: string) => call("POST", `/v1/orders/${id}/cancel`, { as: OPERATOR }),
    receive: (sku: string, delta: number) =>
      call("POST", `/v1/items/${sku}/stock`, {
        as: OPERATOR,
        body: { delta, reason: "delivery" },
        headers: { "Idempotency-Key": v7() },
      }),

    /** A new item with so many units; returns its SKU. */
    async stocked(units: number, details: Record<string, unknown> = {}): Promise<string> {
      const sku = newSku();
      const item = { name: sku, price: { amount: 100, currency: "EUR" }, ...details };
      await call("PUT", `/v1/items/${sku}`, { as: OPERATOR, body: item });
      if (units > 0) await this.receive(sku, units);
      return sku;
    },
  };
}

export type World = Awaited<ReturnType<typeof worldOf>>;

export const OPERATOR = "operator";

/** Valid for so long that no test which moves the clock outlives it. */
const tokenFor = (subject: string): Promise<string> =>
  signHs256(env.AUTH_SECRET!, subject, {
    scope: subject === OPERATOR ? "operator" : undefined,
    expires: "999d",
  });

export async function orderNow(id: string): Promise<Order> {
  const order = await getOrder(env.DB, id);
  if (!order) throw new Error(`no order ${id}`);
  return order;
}

export const WAIT = { Prefer: "wait=5" };
