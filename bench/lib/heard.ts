import { load, type LoadResult } from "./load.ts";
import { seed, warmUp } from "./measure.ts";
import { type Metrics, outcomes } from "./observe.ts";
import { orders } from "./orders.ts";
import { Sockets } from "./sockets.ts";
import { percentile } from "./stats.ts";
import { type System, withStack } from "./systems.ts";

/** The time until the buyer knows the outcome. */

const SKU = "HEARD";
const TIMEOUT_MS = 60_000;

export interface Audience {
  orders: number;
  /** Customers, who order in turn. Each has a socket, if the outcome is pushed. */
  sockets: number;
}

export interface Heard {
  metrics: Omit<Metrics, "oversold" | "confirmed">;
  /** Until the stamp of the row, which is taken one commit before the outcome is durable. */
  stampedP50_ms: number;
}

/** The outcome is heard by the push, or by the answer where the system answers with it. */
export function heard(
  system: System,
  audience: Audience,
  options: { concurrency: number; onProgress?: (done: number) => void },
): Promise<Heard> {
  const customers = Array.from({ length: audience.sockets }, (_, i) => `listener-${i}`);
  const customerOf = (i: number) => customers[i % customers.length] ?? "";
  const lines = Array.from({ length: audience.orders }, () => [{ sku: SKU, quantity: 1 }]);
  return withStack(system, async (stack) => {
    await seed(stack, system, new Map([[SKU, audience.orders]]));
    await warmUp(stack, system, options.concurrency);
    const sockets = new Sockets();
    const isPushed = system.outcome === "row";
    try {
      if (isPushed) await sockets.open(stack.base, customers);
      const { prefer } = system;
      const requests = await orders(lines, { customerOf, ...(prefer !== undefined && { prefer }) });
      const cpu_s = stack.cpu_s();
      const result = await load(stack.base, requests, options);
      if (isPushed)
        await sockets.until(() => sockets.decidedAt_ms.size >= audience.orders, TIMEOUT_MS);
      const { stamped_ms } = await outcomes(stack, system, result);
      return {
        metrics: {
          ...metricsOf(result, heardAfter_ms(system, result, sockets)),
          failed: result.status.filter((status) => status !== 201 && status !== 202).length,
          peakMemory_MB: stack.peakMemory_bytes() / 1e6,
          stackCpu_s: stack.cpu_s() - cpu_s,
        },
        stampedP50_ms: percentile(stamped_ms, 0.5),
      };
    } finally {
      sockets.close();
    }
  });
}

/** By order. */
function heardAfter_ms(
  { outcome }: System,
  result: LoadResult,
  { decidedAt_ms }: Sockets,
): number[] {
  return result.bodies.map((body, i) => {
    if (outcome === "answer") return result.latency_ms[i] ?? Number.NaN;
    const { id } = JSON.parse(body) as { id: string };
    return (decidedAt_ms.get(id) ?? Number.NaN) - (result.sentAt_ms[i] ?? 0);
  });
}

function metricsOf(result: LoadResult, heard_ms: readonly number[]) {
  const count = heard_ms.length;
  const last_ms = Math.max(...heard_ms.map((took, i) => (result.sentAt_ms[i] ?? 0) + took));
  return {
    accepted_per_s: count / result.took_s,
    http_p50_ms: percentile(result.latency_ms, 0.5),
    http_p99_ms: percentile(result.latency_ms, 0.99),
    settled_per_s: (count / (last_ms - (result.sentAt_ms[0] ?? 0))) * 1_000,
    outcome_p50_ms: percentile(heard_ms, 0.5),
    outcome_p99_ms: percentile(heard_ms, 0.99),
    generatorCpu_s: result.cpu_s,
  };
}
