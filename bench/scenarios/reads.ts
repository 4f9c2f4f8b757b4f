import { load, type Prepared } from "../lib/load.ts";
import { seed } from "../lib/measure.ts";
import { type Metrics, settled } from "../lib/observe.ts";
import { orders, tokenOf } from "../lib/orders.ts";
import { percentile } from "../lib/stats.ts";
import { FLOOR, QUEUE, type System, withStack } from "../lib/systems.ts";
import { NO_METRICS, type RunOptions, type Scenario, scaled } from "./scenario.ts";

/** Reads, one kind at a time, each behind a token where the API asks for one. */

const SKU = "READ";
const CUSTOMERS = 50;
const ORDERS = 1_000;
const READS = 3_000;

const KINDS = ["item", "order", "list", "floor"] as const;

async function measure(kind: string, options: RunOptions): Promise<Metrics> {
  const system: System = kind === "floor" ? FLOOR : QUEUE;
  return withStack(system, async (stack) => {
    await seed(stack, system, new Map([[SKU, ORDERS]]));
    const lines = Array.from({ length: ORDERS }, () => [{ sku: SKU, quantity: 1 }]);
    const customerOf = (i: number) => `reader-${i % CUSTOMERS}`;
    const placed = await load(stack.base, await orders(lines, { customerOf }), options);
    await settled(stack, system);
    const read = async (_: unknown, i: number): Promise<Prepared> => {
      const headers = { authorization: `Bearer ${await tokenOf(customerOf(i))}` };
      const id = (JSON.parse(placed.bodies[i % ORDERS] || "{}") as { id?: string }).id;
      const path =
        kind === "item" ? `/v1/items/${SKU}` : kind === "list" ? "/v1/orders" : `/v1/orders/${id}`;
      return { method: "GET", path, headers };
    };
    const count = scaled(READS, options);
    const reads = await Promise.all(Array.from({ length: count }).map(read));
    await load(stack.base, reads.slice(0, count / 3), options);
    const cpu_s = stack.cpu_s();
    const result = await load(stack.base, reads, options);
    return {
      ...NO_METRICS,
      accepted_per_s: count / result.took_s,
      http_p50_ms: percentile(result.latency_ms, 0.5),
      http_p99_ms: percentile(result.latency_ms, 0.99),
      failed: result.status.filter((status) => status !== 200 && status !== 202).length,
      peakMemory_MB: stack.peakMemory_bytes() / 1e6,
      stackCpu_s: stack.cpu_s() - cpu_s,
      generatorCpu_s: result.cpu_s,
    };
  });
}

export const reads: Scenario = {
  name: "reads",
  about: "3,000 reads: an item, an order, a customer's list of 20 orders",
  systems: [...KINDS],
  compares: ["accepted_per_s", "stackCpu_s"],
  measure,
};
