import { load, type LoadResult, type Prepared } from "./load.ts";
import { type Metrics, metricsOf, type Outcomes, outcomes, settled } from "./observe.ts";
import { type Line, orders } from "./orders.ts";
import type { Stack } from "./stack.ts";
import { type System, withStack } from "./systems.ts";

/** One measured run of a system: fresh stack, stock, warm-up, load, and what came of it. */

export interface Workload {
  /** Units by SKU. */
  units: ReadonlyMap<string, number>;
  lines: Line[][];
  hasKeys?: boolean;
}

export interface Measured {
  metrics: Metrics;
  result: LoadResult;
  outcomes: Outcomes;
}

const WARM_SKU = "WARM-UP";
const WARM_UNITS = 1_000_000;
/** Enough that V8 has compiled the path; short of it the first figures are the compiler's. */
const WARM_ORDERS = 600;
const SEED_CONCURRENCY = 8;

export async function measure(
  system: System,
  workload: Workload,
  concurrency: number,
  onProgress?: (done: number) => void,
): Promise<Measured> {
  return withStack(system, async (stack) => {
    await seed(stack, system, workload.units);
    await warmUp(stack, system, concurrency, workload.hasKeys);
    const requests = await orders(workload.lines, options(system, workload.hasKeys));
    return run(stack, system, requests, workload.units, {
      concurrency,
      ...(onProgress && { onProgress }),
    });
  });
}

const options = ({ prefer }: System, hasKeys = true) => ({
  hasKeys,
  ...(prefer !== undefined && { prefer }),
});

/** Fills the shop. */
export async function seed(
  stack: Stack,
  system: System,
  units: ReadonlyMap<string, number>,
): Promise<void> {
  const calls = await Promise.all(
    [...units, [WARM_SKU, WARM_UNITS] as const].map(([sku, n]) => system.stock(sku, n)),
  );
  // Step by step: an item has to be there before its stock is received.
  const steps = Math.max(...calls.map(({ length }) => length));
  for (let step = 0; step < steps; step++) {
    const requests = calls.flatMap((own) => own[step] ?? []);
    const { status, bodies } = await load(stack.base, requests, { concurrency: SEED_CONCURRENCY });
    const bad = status.findIndex((code) => code < 200 || code > 299);
    if (bad >= 0) throw new Error(`${requests[bad]?.path}: ${status[bad]} ${bodies[bad]}`);
  }
}

/** Orders at full concurrency, then settles them. */
export async function warmUp(
  stack: Stack,
  system: System,
  concurrency: number,
  hasKeys?: boolean,
): Promise<void> {
  const lines = Array.from({ length: WARM_ORDERS }, () => [{ sku: WARM_SKU, quantity: 1 }]);
  const warm = await orders(lines, { ...options(system, hasKeys), customerOf: (i) => `warm-${i}` });
  await load(stack.base, warm, { concurrency });
  await settled(stack, system);
}

export async function run(
  stack: Stack,
  system: System,
  requests: readonly Prepared[],
  units: ReadonlyMap<string, number>,
  load_: { concurrency: number; onProgress?: (done: number) => void },
): Promise<Measured> {
  const cpu_s = stack.cpu_s();
  const result = await load(stack.base, requests, load_);
  await settled(stack, system);
  const stackCpu_s = stack.cpu_s() - cpu_s;
  const seen = await outcomes(stack, system, result);
  const all = new Map([...units, [WARM_SKU, WARM_UNITS]]);
  const peakMemory_bytes = stack.peakMemory_bytes();
  const metrics = metricsOf(result, seen, { units: all, peakMemory_bytes, stackCpu_s });
  if (metrics.failed > 0) complain(stack, result);
  return { metrics, result, outcomes: seen };
}

function complain(stack: Stack, { status, bodies }: LoadResult): void {
  const bad = status.findIndex((code) => code === 0 || code >= 500);
  console.error(`\nfirst failure: ${status[bad]} ${bodies[bad]}`);
  for (const line of stack.complaints.slice(0, 5)) console.error(`  ${line}`);
}
