import { load } from "../lib/load.ts";
import { seed, warmUp } from "../lib/measure.ts";
import type { Metrics } from "../lib/observe.ts";
import { orders } from "../lib/orders.ts";
import { Sockets } from "../lib/sockets.ts";
import { percentile } from "../lib/stats.ts";
import { QUEUE, withStack } from "../lib/systems.ts";
import { NO_METRICS, type RunOptions, type Scenario, scaled } from "./scenario.ts";

/** 500 customers listen while 1,000 orders are placed: from sending the order to hearing its outcome. */

const SOCKETS = 500;
const ORDERS = 1_000;
const SKU = "HEARD";
const TIMEOUT_MS = 60_000;

async function measure(options: RunOptions): Promise<Metrics> {
  const count = scaled(ORDERS, options);
  const customers = Array.from({ length: scaled(SOCKETS, options) }, (_, i) => `listener-${i}`);
  return withStack(QUEUE, async (stack) => {
    await seed(stack, QUEUE, new Map([[SKU, ORDERS]]));
    await warmUp(stack, QUEUE, options.concurrency);
    const sockets = new Sockets();
    try {
      await sockets.open(stack.base, customers);
      const lines = Array.from({ length: count }, () => [{ sku: SKU, quantity: 1 }]);
      const customerOf = (i: number) => customers[i % customers.length] ?? "";
      const cpu_s = stack.cpu_s();
      const result = await load(stack.base, await orders(lines, { customerOf }), options);
      await sockets.until(() => sockets.decidedAt_ms.size >= count, TIMEOUT_MS);
      const heard_ms = result.bodies.map((body, i) => {
        const { id } = JSON.parse(body) as { id: string };
        return (sockets.decidedAt_ms.get(id) ?? Number.NaN) - (result.sentAt_ms[i] ?? 0);
      });
      const last_ms = Math.max(...sockets.decidedAt_ms.values());
      return {
        ...NO_METRICS,
        accepted_per_s: count / result.took_s,
        http_p50_ms: percentile(result.latency_ms, 0.5),
        http_p99_ms: percentile(result.latency_ms, 0.99),
        settled_per_s: (count / (last_ms - (result.sentAt_ms[0] ?? 0))) * 1_000,
        outcome_p50_ms: percentile(heard_ms, 0.5),
        outcome_p99_ms: percentile(heard_ms, 0.99),
        failed: result.status.filter((status) => status !== 202).length,
        peakMemory_MB: stack.peakMemory_bytes() / 1e6,
        stackCpu_s: stack.cpu_s() - cpu_s,
        generatorCpu_s: result.cpu_s,
      };
    } finally {
      sockets.close();
    }
  });
}

export const feed: Scenario = {
  name: "feed",
  about: "500 sockets, 1,000 orders: from sending the order to the push of its outcome",
  systems: [QUEUE.name],
  compares: [],
  measure: (_system, options) => measure(options),
};
