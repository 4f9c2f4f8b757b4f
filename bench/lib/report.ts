import { mkdirSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "../../scripts/lib/project.ts";
import type { Scenario } from "../scenarios/scenario.ts";
import type { Metrics } from "./observe.ts";
import { barPlot } from "./plot.ts";
import { medianOf, ratioOf, type Series, valuesOf } from "./series.ts";
import { formatRatio } from "./stats.ts";

/** What the bench prints and writes. */

export const RESULTS = join(ROOT, "bench/results");

export const COLUMNS: [title: string, metric: keyof Metrics, digits: number][] = [
  ["accepted/s", "accepted_per_s", 0],
  ["HTTP p50 ms", "http_p50_ms", 1],
  ["p99", "http_p99_ms", 1],
  ["settled/s", "settled_per_s", 0],
  ["outcome p50 ms", "outcome_p50_ms", 1],
  ["p99", "outcome_p99_ms", 1],
  ["oversold", "oversold", 0],
  ["confirmed", "confirmed", 0],
  ["failed", "failed", 0],
  ["peak MB", "peakMemory_MB", 0],
  ["stack CPU s", "stackCpu_s", 2],
  ["generator CPU s", "generatorCpu_s", 2],
];

/** Medians of all runs; of what must not happen even once, the worst run. */
export function table(series: Series): string {
  const worst = new Set<keyof Metrics>(["oversold", "failed"]);
  const rows = Object.keys(series.runs).map((system) => [
    system,
    ...COLUMNS.map(([, metric, digits]) => {
      const value = worst.has(metric)
        ? Math.max(...valuesOf(series, system, metric))
        : medianOf(series, system, metric);
      return Number.isNaN(value) ? "–" : value.toFixed(digits);
    }),
  ]);
  return align([["", ...COLUMNS.map(([title]) => title)], ...rows]);
}

/** The first system against each of the others: `1.31× (1.20–1.44)` is the medians' and the spread. */
export function ratios(
  series: Series,
  { systems: [ours = "", ...others], compares }: Scenario,
): string {
  const rows = others.map((other) => [
    `${ours} / ${other}`,
    ...compares.map((metric) => {
      const found = ratioOf(series, ours, other, metric);
      return Number.isNaN(found.value) ? "–" : formatRatio(found);
    }),
  ]);
  return compares.length === 0 ? "" : align([["", ...compares], ...rows]);
}

export function align(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, c) => (c === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[c] ?? 0)))
        .join("  "),
    )
    .join("\n");
}

/** The machine, as far as it explains the figures. */
export const conditions = () => ({
  at: new Date().toISOString(),
  node: process.version,
  cpus: `${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
  memory_GB: Math.round(totalmem() / 1e9),
});

/** Writes the figures of every run, and a plot of each metric that the scenario compares. */
export function writeResults(scenario: Scenario, all: readonly Series[], runs: number): void {
  mkdirSync(RESULTS, { recursive: true });
  const json = {
    scenario: scenario.name,
    about: scenario.about,
    ...conditions(),
    runs,
    series: all,
  };
  write(`${scenario.name}.json`, `${JSON.stringify(json, rounded, 1)}\n`);
  for (const [title, metric] of COLUMNS) {
    const plots = ["settled_per_s", "outcome_p99_ms", "accepted_per_s"];
    if (!plots.includes(metric)) continue;
    const groups = all.map((series) => ({
      label: `${series.concurrency} at a time`,
      bars: Object.keys(series.runs).flatMap((label) => {
        const values = valuesOf(series, label, metric);
        const value = medianOf(series, label, metric);
        // The floor settles nothing, and on the axis of the others it would only dwarf them.
        if (Number.isNaN(value) || label === "floor") return [];
        return [{ label, value, min: Math.min(...values), max: Math.max(...values) }];
      }),
    }));
    if (groups.every(({ bars }) => bars.length === 0)) continue;
    const name = `${scenario.name}-${metric.replaceAll("_", "-")}.svg`;
    const unit = metric === "outcome_p99_ms" ? "ms from the order to its outcome, p99" : title;
    write(name, barPlot({ title: `${scenario.name}: ${scenario.about}`, unit, groups }));
  }
}

const write = (name: string, text: string): void => writeFileSync(join(RESULTS, name), text);
const rounded = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value;
