import { load, type LoadResult } from "../lib/load.ts";
import { seed, warmUp } from "../lib/measure.ts";
import type { Metrics } from "../lib/observe.ts";
import { orders } from "../lib/orders.ts";
import { Sockets } from "../lib/sockets.ts";
import { percentile } from "../lib/stats.ts";
import { D1_ONLY, LANE, QUEUE, type System, withStack } from "../lib/systems.ts";
import { NO_METRICS, type RunOptions, type Scenario, scaled } from "./scenario.ts";

/**
 * One order at a time, the next one after the outcome of the last. What counts is when the client
 * knows: by the queue when its feed tells it, else with the answer.
 */

const ORDERS = 200;
const SKU = "LONE";
const CUSTOMER = "alone";
const TIMEOUT_MS = 10_000;

async function measure(system: System, options: RunOptions): Promise<Metrics> {
  return withStack(system, async (stack) => {
    await seed(stack, system, new Map([[SKU, 1_000]]));
    await warmUp(stack, system, 8);
    const sockets = new Sockets();
    const count = scaled(ORDERS, options);
    const requests = await orders(
      Array.from({ length: count }, () => [{ sku: SKU, quantity: 1 }]),
      { customerOf: () => CUSTOMER, ...(system.prefer !== undefined && { prefer: system.prefer }) },
    );
    const known_ms: number[] = [];
    let result: LoadResult;
    const cpu_s = stack.cpu_s();
    try {
      if (system === QUEUE) await sockets.open(stack.base, [CUSTOMER]);
      result = await load(stack.base, requests, {
        concurrency: 1,
        onProgress: options.onProgress,
        async afterAnswer(i, { status, bodies, sentAt_ms, latency_ms }) {
          if (status[i] === 201) known_ms.push(latency_ms[i] ?? Number.NaN);
          if (status[i] !== 202) return;
          const { id } = JSON.parse(bodies[i] ?? "") as { id: string };
          await sockets.until(() => sockets.decidedAt_ms.has(id), TIMEOUT_MS);
          known_ms.push((sockets.decidedAt_ms.get(id) ?? Number.NaN) - (sentAt_ms[i] ?? 0));
        },
      });
    } finally {
      sockets.close();
    }
    return {
      ...NO_METRICS,
      http_p50_ms: percentile(result.latency_ms, 0.5),
      http_p99_ms: percentile(result.latency_ms, 0.99),
      outcome_p50_ms: percentile(known_ms, 0.5),
      outcome_p99_ms: percentile(known_ms, 0.99),
      confirmed: known_ms.length,
      failed: count - known_ms.length,
      generatorCpu_s: result.cpu_s,
      peakMemory_MB: stack.peakMemory_bytes() / 1e6,
      stackCpu_s: stack.cpu_s() - cpu_s,
    };
  });
}

const SYSTEMS = new Map([QUEUE, LANE, D1_ONLY].map((system) => [system.name, system]));

export const lone: Scenario = {
  name: "lone",
  about: "200 orders, one after the other: until the client knows the outcome",
  systems: [...SYSTEMS.keys()],
  concurrency: 1,
  compares: ["outcome_p50_ms", "outcome_p99_ms"],
  measure: (name, options) => measure(SYSTEMS.get(name) as System, options),
};
