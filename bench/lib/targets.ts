import type { Metrics } from "./observe.ts";
import { medianOf, ratioOf, type Series } from "./series.ts";
import { formatRatio } from "./stats.ts";

/** What Lockstock promises, as ratios of medians in one run. */

interface Target {
  scenario: string;
  concurrency: number;
  ours: string;
  /** Without one the target is a number of milliseconds. */
  theirs?: string;
  metric: keyof Metrics;
  atLeast?: number;
  atMost?: number;
}

const against = (scenario: string, ours: string, theirs: string, metric: keyof Metrics) => ({
  scenario,
  concurrency: 32,
  ours,
  theirs,
  metric,
});

export const TARGETS: Target[] = [
  { ...against("hot", "lockstock", "d1-only", "settled_per_s"), atLeast: 1.2 },
  { ...against("spread", "lockstock", "d1-only", "settled_per_s"), atLeast: 1.1 },
  { ...against("hot", "lockstock", "one-at-a-time", "settled_per_s"), atLeast: 4 },
  { ...against("hot", "lockstock", "one-at-a-time", "outcome_p99_ms"), atMost: 0.3 },
  { ...against("hot", "lockstock lane", "d1-only", "settled_per_s"), atLeast: 1 },
  { ...against("soldout", "gate on", "gate off", "accepted_per_s"), atLeast: 3 },
  { scenario: "lone", concurrency: 1, ours: "lockstock", metric: "outcome_p50_ms", atMost: 15 },
  { scenario: "lone", concurrency: 1, ours: "lockstock lane", metric: "outcome_p50_ms", atMost: 8 },
];

/** A line for each target that this series can judge. */
export function judge(series: Series): { line: string; isMet: boolean }[] {
  return TARGETS.filter(
    (target) => target.scenario === series.scenario && target.concurrency === series.concurrency,
  ).map(({ ours, theirs, metric, atLeast, atMost }) => {
    const found = theirs === undefined ? null : ratioOf(series, ours, theirs, metric);
    const value = found?.value ?? medianOf(series, ours, metric);
    const isMet = value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity);
    const wanted = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
    const shown = found ? formatRatio(found) : `${value.toFixed(1)} ms`;
    const what = `${ours}${theirs === undefined ? "" : ` / ${theirs}`}, ${metric}`;
    return { line: `${isMet ? "met   " : "MISSED"} ${what}: ${shown}, ${wanted}`, isMet };
  });
}
