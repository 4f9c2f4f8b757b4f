import process from "node:process";
import type { RunOptions, Scenario } from "../scenarios/scenario.ts";
import type { Metrics } from "./observe.ts";
import { median, type Ratio, ratio } from "./stats.ts";

/** Interleaved runs of a scenario's systems at one concurrency. */
export interface Series {
  scenario: string;
  concurrency: number;
  /** By system; run i of each belongs to round i. */
  runs: Record<string, Metrics[]>;
}

/**
 * Each round measures every system once, each time in another order, so that a slow minute of the
 * machine meets all of them and none always goes first.
 */
export async function runSeries(
  scenario: Scenario,
  options: { concurrency: number; runs: number; isQuick: boolean },
): Promise<Series> {
  const { concurrency, isQuick } = options;
  const runs: Series["runs"] = Object.fromEntries(scenario.systems.map((name) => [name, []]));
  for (let round = 0; round < options.runs; round++) {
    for (const [i] of scenario.systems.entries()) {
      const name = scenario.systems[(i + round) % scenario.systems.length] ?? "";
      const head = `${scenario.name} c=${concurrency} round ${round + 1}/${options.runs} ${name}`;
      const run: RunOptions = {
        concurrency,
        isQuick,
        onProgress: (done) => tell(`${head} ${done}`),
      };
      tell(head);
      runs[name]?.push(await scenario.measure(name, run));
    }
  }
  tell("");
  return { scenario: scenario.name, concurrency, runs };
}

/** One line that overwrites itself on a terminal; elsewhere only the heads of runs are told. */
function tell(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${line}`);
  else if (line && !/ \d+$/.test(line)) process.stderr.write(`${line}\n`);
}

export const medianOf = (series: Series, system: string, metric: keyof Metrics): number =>
  median(valuesOf(series, system, metric));

/** How many times the first system's metric is the second's. */
export const ratioOf = (s: Series, ours: string, theirs: string, metric: keyof Metrics): Ratio =>
  ratio(valuesOf(s, ours, metric), valuesOf(s, theirs, metric));

export const valuesOf = (series: Series, system: string, metric: keyof Metrics): number[] =>
  (series.runs[system] ?? []).map((metrics) => metrics[metric]);
