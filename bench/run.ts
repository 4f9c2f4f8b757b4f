/** `npm run bench`: Lockstock beside its baselines. See USAGE. */
import process from "node:process";
import { readOptions, wholeNumber } from "../scripts/lib/options.ts";
import { ratios, table, writeResults } from "./lib/report.ts";
import { runSeries, type Series, valuesOf } from "./lib/series.ts";
import { tellTargets } from "./lib/targets.ts";
import { crowdScenario } from "./scenarios/crowd.ts";
import { feed } from "./scenarios/feed.ts";
import { lone } from "./scenarios/lone.ts";
import { carts, hot, spread } from "./scenarios/orders.ts";
import { reads } from "./scenarios/reads.ts";
import { soldOut } from "./scenarios/sold-out.ts";

const SCENARIOS = [hot, spread, carts, soldOut, reads, feed, crowdScenario, lone];

const USAGE = `usage: npm run bench [-- --scenario NAME,… --concurrency N,… --runs N --quick --check]

  --scenario     ${SCENARIOS.map(({ name }) => name).join(", ")}; default: all
  --concurrency  connections at a time; default 8,32,128
  --runs         rounds of interleaved runs; default 5
  --quick        one round at a tenth of the size: whether it runs, not how fast
  --check        exit with 1 when a target is missed (most are judged at concurrency 32)`;

const { scenarios, concurrencies, runs, quick, check } = readOptions(
  USAGE,
  {
    scenario: SCENARIOS.map(({ name }) => name).join(),
    concurrency: "8,32,128",
    runs: [0, 50],
    quick: false,
    check: false,
  },
  (values) => ({
    ...values,
    scenarios: values.scenario.split(",").map((name) => {
      const found = SCENARIOS.find((one) => one.name === name);
      if (!found) throw new Error(`no scenario ${name}`);
      return found;
    }),
    concurrencies: values.concurrency
      .split(",")
      .map((text) => wholeNumber("concurrency", text, 512)),
    runs: values.runs || (values.quick ? 1 : 5),
  }),
);

let isWrong = false;
let isMissed = false;
for (const scenario of scenarios) {
  console.log(`\n# ${scenario.name}: ${scenario.about}`);
  const all: Series[] = [];
  for (const concurrency of scenario.concurrency ? [scenario.concurrency] : concurrencies) {
    const series = await runSeries(scenario, { concurrency, runs, isQuick: quick });
    all.push(series);
    console.log(`\n${concurrency} at a time, medians of ${runs}\n${table(series)}`);
    console.log(`\n${ratios(series, scenario)}`);
    if (!tellTargets(series)) isMissed = true;
    for (const system of scenario.systems) {
      const bad = [...valuesOf(series, system, "oversold"), ...valuesOf(series, system, "failed")];
      if (bad.some((count) => count > 0)) isWrong = true;
    }
  }
  if (!quick) writeResults(scenario, all, runs);
}
if (isWrong)
  console.error("\nUnits were oversold or requests failed: these figures count for nothing.");
process.exitCode = isWrong || (check && isMissed) ? 1 : 0;
