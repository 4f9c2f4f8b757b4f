import { Random } from "../../scripts/lib/random.ts";
import { type Counted, counting, LOCKSTOCK, type MeteredSystem } from "../cost/count.ts";
import { sumOf } from "../cost/usage.ts";
import { arrive, poissonArrivals } from "../lib/arrivals.ts";
import { load, type LoadResult } from "../lib/load.ts";
import { outcomes, settled } from "../lib/observe.ts";
import type { Stack } from "../lib/stack.ts";
import { percentile } from "../lib/stats.ts";

/** One run of arrivals at a rate, on the stack with counting bindings. */

/** A program with something taken out: texts of the bundles, and what stands there instead. */
export interface Variant {
  name: string;
  without: readonly (readonly [from: string, to: string])[];
}

export interface Arrivals {
  accepted_p50_ms: number;
  accepted_p99_ms: number;
  outcome_p50_ms: number;
  outcome_p99_ms: number;
  /** Per order: transactions of D1, operations of queues, calls of stock items, CPU. */
  d1Trips: number;
  queueOperations: number;
  itemCalls: number;
  cpu_ms: number;
  ordersPerCommit: number;
}

const WARM_UP_CONNECTIONS = 32;
const CAPACITY_CONNECTIONS = 64;

const systemOf = ({ name, without }: Variant, missing: Set<string>): MeteredSystem => {
  for (const [from] of without) missing.add(from);
  const edit = (text: string): string =>
    without.reduce((edited, [from, to]) => {
      if (edited.includes(from)) missing.delete(from);
      return edited.replaceAll(from, to);
    }, text);
  return { ...LOCKSTOCK, name, stack: { ...LOCKSTOCK.stack, edit } };
};

/** Orders a second that a closed loop settles on the same stack. */
export async function capacity(options: { orders: number; skus: number }): Promise<number> {
  let perSecond = Number.NaN;
  await counting(LOCKSTOCK, options, async (stack, requests) => {
    const warm = requests.splice(0, Math.floor(requests.length / 3));
    await load(stack.base, warm, { concurrency: WARM_UP_CONNECTIONS });
    await settled(stack, LOCKSTOCK);
    const start_ms = performance.now();
    await load(stack.base, requests, { concurrency: CAPACITY_CONNECTIONS });
    await settled(stack, LOCKSTOCK);
    perSecond = (requests.length * 1_000) / (performance.now() - start_ms);
    return 0;
  });
  return perSecond;
}

export async function measureArrivals(
  variant: Variant,
  { rate, seconds, skus, seed }: { rate: number; seconds: number; skus: number; seed: number },
): Promise<Arrivals> {
  const missing = new Set<string>();
  const system = systemOf(variant, missing);
  // A third more, to warm up with; a multiple of the items, so that each has as many units as orders.
  const count = Math.max(skus, Math.ceil((rate * seconds) / skus) * skus);
  const warmUp = Math.ceil(count / 3 / skus) * skus;
  let seen: Awaited<ReturnType<typeof latencies>> | undefined;
  const counted = await counting(system, { orders: count + warmUp, skus }, async (stack, all) => {
    const warm = all.slice(0, warmUp);
    const requests = all.slice(warmUp);
    await arrive(stack.base, warm, poissonArrivals(rate, warm.length, new Random(seed, "warm-up")));
    await settled(stack, system);
    const cpu_s = stack.cpu_s();
    const at_ms = poissonArrivals(rate, requests.length, new Random(seed, "arrivals"));
    const result = await arrive(stack.base, requests, at_ms);
    await settled(stack, system);
    seen = await latencies(stack, system, result);
    return (stack.cpu_s() - cpu_s) * 1_000;
  });
  if (missing.size > 0) throw new Error(`${variant.name}: ${[...missing].join(", ")} is nowhere`);
  if (seen === undefined) throw new Error("nothing was measured");
  return { ...seen, ...shares(counted, count) };
}

async function latencies(stack: Stack, system: MeteredSystem, result: LoadResult) {
  const { took_ms } = await outcomes(stack, system, result);
  return {
    accepted_p50_ms: percentile(result.latency_ms, 0.5),
    accepted_p99_ms: percentile(result.latency_ms, 0.99),
    outcome_p50_ms: percentile(took_ms, 0.5),
    outcome_p99_ms: percentile(took_ms, 0.99),
  };
}

/** Calls of all orders, warm-up included, since they came at the same rate; CPU of the measured ones. */
function shares(counted: Counted, measured: number) {
  const each = (...whats: string[]): number =>
    whats.reduce((sum, what) => sum + sumOf(counted, what), 0) / counted.orders;
  return {
    d1Trips: each("d1.trips"),
    queueOperations: each("queue.writes", "queue.reads", "queue.deletes"),
    itemCalls:
      (sumOf(counted, "object.calls", "StockItem") + sumOf(counted, "object.alarms", "StockItem")) /
      counted.orders,
    cpu_ms: counted.cpu_ms / measured,
    ordersPerCommit: counted.orders / sumOf(counted, "d1.trips", "OrderDesk"),
  };
}
