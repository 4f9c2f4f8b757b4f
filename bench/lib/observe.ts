import { setTimeout as sleep } from "node:timers/promises";
import type { LoadResult } from "./load.ts";
import type { Line } from "./orders.ts";
import type { Stack } from "./stack.ts";
import { percentile } from "./stats.ts";
import type { System } from "./systems.ts";

/**
 * What came of a load, seen from outside. An outcome's time is when the answer that carries it had
 * arrived, or, where the answer comes before it, the row's own `updated_at`. That stamp is taken by
 * the Worker right before the D1 batch that makes it durable, so it is early by one commit (some
 * 2 to 5 ms here). Both clocks are this machine's.
 */

export interface Metrics {
  /** Orders answered with 201, 202 or a decided 409, a second, from first request to last answer. */
  accepted_per_s: number;
  http_p50_ms: number;
  http_p99_ms: number;
  /** Orders with an outcome, a second, from the first request to the last outcome. */
  settled_per_s: number;
  outcome_p50_ms: number;
  outcome_p99_ms: number;
  /** Units in confirmed orders beyond the stock there was. */
  oversold: number;
  confirmed: number;
  /** Requests with no answer, or another one than expected. */
  failed: number;
  peakMemory_MB: number;
  /** CPU of workerd, and of this process, during the load. */
  stackCpu_s: number;
  generatorCpu_s: number;
}

/** `settled_per_s` is `settled/s`, `outcome_p99_ms` is `outcome p99, ms`. */
export const titleOf = (metric: keyof Metrics): string =>
  metric.replace("_per_s", "/s").replace("_ms", ", ms").replaceAll("_", " ");

const SETTLE_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const GOOD = new Set([201, 202, 409]);

/** Waits until every order has an outcome; throws after a minute. */
export async function settled(stack: Stack, { openSql }: System): Promise<void> {
  if (openSql === undefined) return;
  const deadline_ms = Date.now() + SETTLE_TIMEOUT_MS;
  for (;;) {
    const [row] = await stack.read<{ open: number }>(openSql);
    if (row?.open === 0) return;
    if (Date.now() > deadline_ms) throw new Error(`${row?.open} orders stay without an outcome`);
    await sleep(POLL_MS);
  }
}

interface Row {
  id: string;
  status: string;
  lines: string;
  updated_at: number;
}

const SELECT_ROWS = "SELECT id, status, lines, updated_at FROM orders";

export interface Outcomes {
  /** From sending to the outcome, by request; NaN: none. */
  took_ms: Float64Array;
  /** From the row's stamp, whatever the system says; NaN: no row. */
  stamped_ms: Float64Array;
  lastAt_ms: number;
  /** Of the measured orders. */
  confirmed: number;
  /** Of all orders there are, those of the warm-up too. */
  rows: Row[];
}

/** Times of the outcomes, by request. Call it once all is settled. */
export async function outcomes(
  stack: Stack,
  system: System,
  result: LoadResult,
): Promise<Outcomes> {
  const rows = system.stack.database === undefined ? [] : await stack.read<Row>(SELECT_ROWS);
  const byId = new Map(rows.map((row) => [row.id, row]));
  const took_ms = new Float64Array(result.status.length).fill(Number.NaN);
  const stamped_ms = took_ms.slice();
  let lastAt_ms = 0;
  let confirmed = 0;
  for (const [i, status] of result.status.entries()) {
    if (!GOOD.has(status)) continue;
    const sentAt_ms = result.sentAt_ms[i] ?? Number.NaN;
    const row = byId.get(orderIdIn(result.bodies[i]));
    if (row?.status === "confirmed") confirmed++;
    if (row && row.status !== "pending") stamped_ms[i] = row.updated_at - sentAt_ms;
    // A floor has no outcome but its answer; 202 of the others means "not yet".
    const isInAnswer = status !== 202 || system.stack.database === undefined;
    const took = isInAnswer ? result.latency_ms[i] : stamped_ms[i];
    took_ms[i] = took ?? Number.NaN;
    lastAt_ms = Math.max(lastAt_ms, sentAt_ms + (took_ms[i] ?? 0) || 0);
  }
  return { took_ms, stamped_ms, lastAt_ms, confirmed, rows };
}

/** The answer is the order, or a problem that carries it; a refusal at the door has none. */
function orderIdIn(body: string | undefined): string {
  const answer = JSON.parse(body || "{}") as { id?: string; order?: { id: string } };
  return answer.order?.id ?? answer.id ?? "";
}

/** Units that confirmed orders hold beyond what was received, over all SKUs. */
export function oversold(rows: readonly Row[], units: ReadonlyMap<string, number>): number {
  const taken = new Map<string, number>();
  for (const { status, lines } of rows) {
    if (status !== "confirmed" && status !== "paid") continue;
    for (const { sku, quantity } of JSON.parse(lines) as Line[]) {
      taken.set(sku, (taken.get(sku) ?? 0) + quantity);
    }
  }
  return [...taken].reduce((sum, [sku, n]) => sum + Math.max(0, n - (units.get(sku) ?? 0)), 0);
}

export function metricsOf(
  result: LoadResult,
  seen: Outcomes,
  {
    units,
    peakMemory_bytes,
    stackCpu_s,
  }: {
    units: ReadonlyMap<string, number>;
    peakMemory_bytes: number;
    stackCpu_s: number;
  },
): Metrics {
  const good = result.status.filter((status) => GOOD.has(status)).length;
  const decided = seen.took_ms.filter((took) => !Number.isNaN(took)).length;
  const took_s = (seen.lastAt_ms - (result.sentAt_ms[0] ?? 0)) / 1_000;
  return {
    accepted_per_s: good / result.took_s,
    http_p50_ms: percentile(result.latency_ms, 0.5),
    http_p99_ms: percentile(result.latency_ms, 0.99),
    settled_per_s: decided / took_s,
    outcome_p50_ms: percentile(seen.took_ms, 0.5),
    outcome_p99_ms: percentile(seen.took_ms, 0.99),
    oversold: oversold(seen.rows, units),
    confirmed: seen.confirmed,
    failed: result.status.length - good,
    peakMemory_MB: peakMemory_bytes / 1e6,
    stackCpu_s,
    generatorCpu_s: result.cpu_s,
  };
}
