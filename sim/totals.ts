import type { RunResult } from "./run.ts";

/** Sums over many seeds. */
export interface Totals {
  seeds: number;
  operations: number;
  requests: number;
  orders: number;
  events: number;
  fired: Record<string, number>;
  failed: { seed: number; violations: string[] }[];
  /** Of all histories together, whatever their order. */
  hash: string;
}

export const emptyTotals = (): Totals => ({
  seeds: 0,
  operations: 0,
  requests: 0,
  orders: 0,
  events: 0,
  fired: {},
  failed: [],
  hash: "0".repeat(16),
});

export function add(all: Totals, part: Totals | RunResult): void {
  all.seeds += "seeds" in part ? part.seeds : 1;
  all.operations += part.operations;
  all.requests += part.requests;
  all.orders += part.orders;
  all.events += part.events;
  for (const [kind, n] of Object.entries(part.fired)) all.fired[kind] = (all.fired[kind] ?? 0) + n;
  if ("failed" in part) all.failed.push(...part.failed);
  else if (part.violations.length > 0)
    all.failed.push({ seed: part.seed, violations: part.violations });
  all.hash = (BigInt(`0x${all.hash}`) ^ BigInt(`0x${part.hash}`)).toString(16).padStart(16, "0");
}
