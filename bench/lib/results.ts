import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RESULTS } from "./report.ts";
import type { Series } from "./series.ts";

/** What a scenario's last run has left in bench/results. */
export interface Result {
  scenario: string;
  about: string;
  /** When, as ISO 8601. */
  at: string;
  /** Rounds, of which figures are the medians. */
  runs: number;
  series: Series[];
}

/** A metric that a scenario does not have is NaN, which JSON writes as null. */
export const readResult = (scenario: string): Result =>
  JSON.parse(readFileSync(join(RESULTS, `${scenario}.json`), "utf8"), (_, value: unknown) =>
    value === null ? Number.NaN : value,
  ) as Result;
