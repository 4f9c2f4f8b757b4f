import type { Metrics } from "../lib/observe.ts";

/** One scenario: which systems it compares, and how one of them is measured once. */
export interface Scenario {
  name: string;
  about: string;
  /** Names, in the order of the tables; the first is what the others are compared with. */
  systems: string[];
  /** Concurrency plays no part in some: they run once, at this one. */
  concurrency?: number;
  /** Metrics that this scenario does not have are NaN. */
  measure(system: string, run: RunOptions): Promise<Metrics>;
  /** The metrics that ratios are told of. */
  compares: readonly (keyof Metrics)[];
}

export interface RunOptions {
  concurrency: number;
  /** A tenth of everything, to see whether it runs. */
  isQuick: boolean;
  onProgress: (done: number) => void;
}

export const scaled = (count: number, { isQuick }: Pick<RunOptions, "isQuick">): number =>
  isQuick ? Math.max(10, Math.round(count / 10)) : count;

export const NO_METRICS: Metrics = {
  accepted_per_s: Number.NaN,
  http_p50_ms: Number.NaN,
  http_p99_ms: Number.NaN,
  settled_per_s: Number.NaN,
  outcome_p50_ms: Number.NaN,
  outcome_p99_ms: Number.NaN,
  oversold: 0,
  confirmed: Number.NaN,
  failed: 0,
  peakMemory_MB: Number.NaN,
  stackCpu_s: Number.NaN,
  generatorCpu_s: Number.NaN,
};
