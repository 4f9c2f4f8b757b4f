import { table, whole } from "./markdown.ts";
import { type Metrics, titleOf } from "./observe.ts";
import { COLUMNS } from "./report.ts";
import type { Result } from "./results.ts";
import { medianOf, ratioOf, type Series, valuesOf } from "./series.ts";
import { formatRatio } from "./stats.ts";
import { judge } from "./targets.ts";

/** The tables of README.md and docs/performance.md, of the last results. */

/** The README tells of oversold units; the bench fails when there are any, or a request failed. */
const HIDDEN = new Set<keyof Metrics>(["oversold", "failed", "confirmed"]);

/** Medians of each system at each concurrency, without the metrics that the scenario lacks. */
export function figuresTable({ about, runs, series }: Result): string {
  const has = (metric: keyof Metrics): boolean =>
    series.some((one) => Object.keys(one.runs).some((of) => medianOf(one, of, metric) > 0));
  const columns = COLUMNS.filter(([, metric]) => !HIDDEN.has(metric) && has(metric));
  const rows = series.flatMap((one) =>
    Object.keys(one.runs).map((system) => [
      `${one.concurrency}, ${system}`,
      ...columns.map(([, metric, digits]) => cell(medianOf(one, system, metric), digits)),
    ]),
  );
  const head = ["connections, system", ...columns.map(([title]) => title)];
  return `${about}; medians of ${runs}:\n\n${table(head, rows)}`;
}

const cell = (value: number, digits: number): string =>
  Number.isNaN(value)
    ? "–"
    : value.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** Ratios of medians, and the least and the greatest of a round. */
export function ratiosTable(
  { series }: Result,
  metric: keyof Metrics,
  pairs: readonly (readonly [ours: string, theirs: string])[],
): string {
  return table(
    [titleOf(metric), ...series.map(({ concurrency }) => `${concurrency} connections`)],
    pairs.map(([ours, theirs]) => [
      `${ours} / ${theirs}`,
      ...series.map((one) => formatRatio(ratioOf(one, ours, theirs, metric))),
    ]),
  );
}

export function targetsTable(results: readonly Result[]): string {
  const rows = results
    .flatMap(({ series }) => series)
    .flatMap((series) =>
      judge(series).map(({ what, wanted, found, isMet }) => [
        `${series.scenario}, ${series.concurrency} at a time: ${what}`,
        wanted,
        isMet ? found : `**missed: ${found}**`,
      ]),
    );
  return table(["what", "target", "measured"], rows);
}

const BASELINES: [system: string, what: string][] = [
  ["d1-only", "against one D1 transaction a request"],
  ["one-at-a-time", "against the textbook queue"],
];

/** The README's: through the queue, settled/s at 32 connections. */
export function headlineTable(
  results: readonly (readonly [what: string, result: Result])[],
): string {
  const rows = results.map(([what, { series }]) => {
    const at32 = series.find(({ concurrency }) => concurrency === 32) as Series;
    return [
      what,
      whole(medianOf(at32, "lockstock", "settled_per_s")),
      ...BASELINES.map(([system]) =>
        formatRatio(ratioOf(at32, "lockstock", system, "settled_per_s")),
      ),
      whole(Math.max(...valuesOf(at32, "lockstock", "oversold"))),
    ];
  });
  return table(["", "settled/s", ...BASELINES.map(([, what]) => what), "oversold"], rows);
}
