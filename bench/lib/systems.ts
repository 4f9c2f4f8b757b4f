import type { Prepared } from "./load.ts";
import { AUTH_SECRET, tokenOf } from "./orders.ts";
import { type Stack, type StackOptions, startStack } from "./stack.ts";

/** What is measured: Lockstock by either way, the baselines, and the floor. */

export interface System {
  name: string;
  stack: StackOptions;
  /** Sent as `Prefer` with every order. */
  prefer?: string;
  /**
   * Where the outcome is read: from the answer, which comes after it is durable, or from the
   * order's row.
   */
  outcome: "answer" | "row";
  /** Counts the orders that have no outcome yet. */
  openSql?: string;
  stock: (sku: string, units: number) => Promise<Prepared[]>;
}

const lockstock = {
  stack: {
    configs: ["wrangler.toml", "wrangler.stock.toml"],
    database: "DB",
    // The gate answers without a row; it is measured by itself, so that all rows are written here.
    // A window keeps a confirmed order due until it is paid, so that it would never count as settled.
    vars: { AUTH_SECRET, SOLD_OUT_GATE: "off", RATE_LIMIT: "off", PAYMENT_WINDOW_SECONDS: "0" },
  },
  openSql: "SELECT count(*) AS open FROM orders WHERE due_at IS NOT NULL",
  stock: stockOfLockstock,
};

/** The orders take the queue. */
export const QUEUE: System = { name: "lockstock", ...lockstock, outcome: "row" };
/** The orders take the direct lane; one that it leaves undecided is read from its row. */
export const LANE: System = {
  name: "lockstock lane",
  ...lockstock,
  prefer: "wait=10",
  outcome: "answer",
};

export const D1_ONLY: System = {
  name: "d1-only",
  stack: { configs: ["bench/baselines/d1-only/wrangler.toml"], database: "DB" },
  outcome: "answer",
  stock: stockOfBaseline,
};

export const ONE_AT_A_TIME: System = {
  name: "one-at-a-time",
  stack: { configs: ["bench/baselines/one-at-a-time/wrangler.toml"], database: "DB" },
  outcome: "row",
  openSql: "SELECT count(*) AS open FROM orders WHERE status = 'pending'",
  stock: stockOfBaseline,
};

export const FLOOR: System = {
  name: "floor",
  stack: { configs: ["bench/baselines/floor/wrangler.toml"] },
  outcome: "answer",
  stock: () => Promise.resolve([]),
};

/** A copy with other vars or another name. */
export function variant(system: System, name: string, vars: Record<string, string>): System {
  const stack = { ...system.stack, vars: { ...system.stack.vars, ...vars } };
  return { ...system, name, stack };
}

/** Runs `work` on a fresh stack, and ends it whatever happens. */
export async function withStack<T>(system: System, work: (stack: Stack) => Promise<T>): Promise<T> {
  const stack = await startStack(system.stack);
  try {
    return await work(stack);
  } finally {
    await stack.stop();
  }
}

async function stockOfLockstock(sku: string, units: number): Promise<Prepared[]> {
  const headers = {
    authorization: `Bearer ${await tokenOf("operator", "operator")}`,
    "content-type": "application/json",
  };
  const item = { name: sku, price: { amount: 1_000, currency: "EUR" } };
  const receive = (delta: number, key: string): Prepared => ({
    method: "POST",
    path: `/v1/items/${sku}/stock`,
    headers: { ...headers, "idempotency-key": key },
    body: JSON.stringify({ delta, reason: "bench" }),
  });
  return [
    { method: "PUT", path: `/v1/items/${sku}`, headers, body: JSON.stringify(item) },
    // Sold out is not the same as never stocked: the gate trusts only a level that it was told.
    ...(units > 0 ? [receive(units, "in")] : [receive(1, "in"), receive(-1, "out")]),
  ];
}

function stockOfBaseline(sku: string, units: number): Promise<Prepared[]> {
  const headers = { "content-type": "application/json" };
  return Promise.resolve([
    { method: "PUT", path: `/items/${sku}`, headers, body: JSON.stringify({ units }) },
  ]);
}
