import { short, table, whole } from "./markdown.ts";
import { type Metrics, titleOf } from "./observe.ts";
import type { Result } from "./results.ts";
import { medianOf, ratioOf, type Series, valuesOf } from "./series.ts";
import { formatRatio } from "./stats.ts";
import { judge } from "./targets.ts";

/** The tables of README.md and docs/performance.md, of the last results. */

type Column = [title: string, metric: keyof Metrics, format: (value: number) => string];

const tenths = (value: number): string =>
  value.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 });

const COLUMNS: Column[] = [
  ["accepted/s", "accepted_per_s", whole],
  ["HTTP p50, ms", "http_p50_ms", tenths],
  ["p99", "http_p99_ms", tenths],
  ["settled/s", "settled_per_s", whole],
  ["outcome p50, ms", "outcome_p50_ms", tenths],
  ["p99", "outcome_p99_ms", tenths],
  ["CPU of the stack, s", "stackCpu_s", short],
  ["peak MB", "peakMemory_MB", whole],
];

/** Medians of each system at each concurrency, without the metrics that the scenario lacks. */
export function figuresTable({ about, runs, series }: Result): string {
  const columns = COLUMNS.filter(([, metric]) =>
    series.some((one) => Object.keys(one.runs).some((of) => medianOf(one, of, metric) > 0)),
  );
  const rows = series.flatMap((one) =>
    Object.keys(one.runs).map((system) => [
      `${one.concurrency}, ${system}`,
      ...columns.map(([, metric, format]) => cell(medianOf(one, system, metric), format)),
    ]),
  );
  const head = ["connections, system", ...columns.map(([title]) => title)];
  return `${about}; medians of ${runs}:\n\n${table(head, rows)}`;
}

const cell = (value: number, format: (value: number) => string): string =>
  Number.isNaN(value) ? "–" : format(value);

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
