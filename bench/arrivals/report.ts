import { readFileSync } from "node:fs";
import { join } from "node:path";
import { table, whole } from "../lib/markdown.ts";
import { RESULTS } from "../lib/report.ts";
import { median } from "../lib/stats.ts";
import type { Arrivals } from "./measure.ts";

/** What `npm run bench:arrivals` prints, and what docs/performance.md shows of its last run. */

const COLUMNS: readonly (readonly [title: string, metric: keyof Arrivals, digits: number])[] = [
  ["accepted p50 ms", "accepted_p50_ms", 1],
  ["p99", "accepted_p99_ms", 1],
  ["outcome p50 ms", "outcome_p50_ms", 1],
  ["p99", "outcome_p99_ms", 1],
  ["orders a commit", "ordersPerCommit", 1],
  ["D1 calls", "d1Trips", 2],
  ["queue operations", "queueOperations", 2],
  ["item calls", "itemCalls", 2],
  ["CPU ms", "cpu_ms", 2],
];

export interface Measured {
  shape: string;
  /** Orders a second, and what part of the capacity that is. */
  rate: number;
  share: number;
  /** By variant; run i of each belongs to round i. */
  runs: Record<string, Arrivals[]>;
}

/** Of the rows: the variant, and the medians of its runs. */
export const HEAD: readonly string[] = ["", ...COLUMNS.map(([title]) => title)];

export const rowsOf = ({ runs }: Measured): string[][] =>
  Object.entries(runs).map(([variant, own]) => [
    variant,
    ...COLUMNS.map(([, metric, digits]) => median(own.map((run) => run[metric])).toFixed(digits)),
  ]);

/** The last run's figures of one shape, all rates in one table. */
export function arrivalsTable(shape: string): string {
  const last = JSON.parse(readFileSync(join(RESULTS, "arrivals.json"), "utf8")) as {
    runs: number;
    measured: Measured[];
  };
  const rows = last.measured
    .filter((one) => one.shape === shape)
    .flatMap((one) => {
      const at = `${whole(one.rate)} orders/s (${(one.share * 100).toFixed(0)} % of capacity)`;
      return rowsOf(one).map(([variant, ...cells]) => [`${at}, ${variant}`, ...cells]);
    });
  return `Medians of ${last.runs} runs:\n\n${table(["rate, variant", ...HEAD.slice(1)], rows)}`;
}
