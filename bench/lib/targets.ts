import { type Metrics, titleOf } from "./observe.ts";
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

const against = (
  scenario: string,
  ours: string,
  theirs: string,
  metric: keyof Metrics,
  concurrency = 32,
) => ({
  scenario,
  concurrency,
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
  // How many times later the queue's buyer knows.
  { ...against("lanes", "lockstock", "lockstock lane", "outcome_p50_ms", 8), atLeast: 3 },
  { ...against("lanes", "lockstock lane", "lockstock", "settled_per_s", 64), atLeast: 1 },
  { ...against("soldout", "gate on", "gate off", "accepted_per_s"), atLeast: 3 },
  { scenario: "lone", concurrency: 1, ours: "lockstock", metric: "outcome_p50_ms", atMost: 15 },
  { scenario: "lone", concurrency: 1, ours: "lockstock lane", metric: "outcome_p50_ms", atMost: 8 },
];

export interface Judged {
  what: string;
  wanted: string;
  found: string;
  isMet: boolean;
}

/** The targets that this series can judge. */
export function judge(series: Series): Judged[] {
  return TARGETS.filter(
    (target) => target.scenario === series.scenario && target.concurrency === series.concurrency,
  ).map(({ ours, theirs, metric, atLeast, atMost }) => {
    const found = theirs === undefined ? null : ratioOf(series, ours, theirs, metric);
    const value = found?.value ?? medianOf(series, ours, metric);
    return {
      what: `${ours}${theirs === undefined ? "" : ` / ${theirs}`}, ${titleOf(metric)}`,
      wanted: atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`,
      found: found ? formatRatio(found) : `${value.toFixed(1)} ms`,
      isMet: value >= (atLeast ?? -Infinity) && value <= (atMost ?? Infinity),
    };
  });
}

/** Prints how the series stands to its targets; false when it misses one. */
export function tellTargets(series: Series): boolean {
  const all = judge(series);
  for (const { what, wanted, found, isMet } of all) {
    console.log(`${isMet ? "met   " : "MISSED"} ${what}: ${found}, ${wanted}`);
  }
  return all.every(({ isMet }) => isMet);
}
