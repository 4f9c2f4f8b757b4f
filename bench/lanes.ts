/**
 * `npm run bench:lanes`: the same 1,000 orders through the queue (no `Prefer`)
 * and through the lane (`Prefer: wait=10`), interleaved, at concurrency 8, 32 and 64; and 5,000
 * orders for a sold-out item with the gate on and off. Exits with 1 when a target is missed.
 *
 * The time to outcome runs from sending the order until its buyer knows: by the push on a socket,
 * which every buyer has open, or by the answer of the lane, whose buyers need none. Beside it stands
 * the time by the row's stamp, taken alike for both, one D1 commit before the outcome is durable.
 */
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { heard } from "./lib/heard.ts";
import { table, writeResults } from "./lib/report.ts";
import { runSeries, type Series } from "./lib/series.ts";
import { formatRatio, median, ratio } from "./lib/stats.ts";
import { LANE, QUEUE } from "./lib/systems.ts";
import { tellTargets } from "./lib/targets.ts";
import { NO_METRICS, type Scenario, scaled } from "./scenarios/scenario.ts";
import { soldOut } from "./scenarios/sold-out.ts";

const ORDERS = 1_000;
const LISTENERS = 250;
const CONCURRENCIES = [8, 32, 64];
const GATE_AT = 32;

/** Of each run, by concurrency and system: the p50 of the rows' stamps. */
const stamped_ms = new Map<string, number[]>();

const lanes: Scenario = {
  name: "lanes",
  about: "1,000 orders of one unit, one SKU, through the queue and through the lane",
  systems: [QUEUE.name, LANE.name],
  compares: [],
  async measure(name, run) {
    const audience = { orders: scaled(ORDERS, run), sockets: scaled(LISTENERS, run) };
    const seen = await heard(name === LANE.name ? LANE : QUEUE, audience, run);
    const key = `${run.concurrency} ${name}`;
    stamped_ms.set(key, [...(stamped_ms.get(key) ?? []), seen.stampedP50_ms]);
    return { ...NO_METRICS, ...seen.metrics };
  },
};

const USAGE = `usage: npm run bench:lanes [-- --runs N --quick]

  --runs   rounds of interleaved runs; default 5
  --quick  one round at a tenth of the size: whether it runs, not how fast`;

const { quick: isQuick, ...given } = readOptions(USAGE, { runs: [5, 50], quick: false });
const runs = isQuick ? 1 : given.runs;

let isMissed = false;
const all: Series[] = [];
for (const concurrency of CONCURRENCIES) {
  const series = await runSeries(lanes, { concurrency, runs, isQuick });
  all.push(series);
  console.log(`\n${lanes.about}, ${concurrency} at a time, medians of ${runs}\n${table(series)}`);
  if (!tellTargets(series)) isMissed = true;
  const queue_ms = stamped_ms.get(`${concurrency} ${QUEUE.name}`) ?? [];
  const lane_ms = stamped_ms.get(`${concurrency} ${LANE.name}`) ?? [];
  console.log(
    `       outcome p50 by the rows' stamps: queue ${median(queue_ms).toFixed(1)} ms, lane ${median(lane_ms).toFixed(1)} ms, ${formatRatio(ratio(queue_ms, lane_ms))}`,
  );
}

const gate = await runSeries(soldOut, { concurrency: GATE_AT, runs, isQuick });
console.log(`\n${soldOut.about}, ${GATE_AT} at a time, medians of ${runs}\n${table(gate)}`);
if (!tellTargets(gate)) isMissed = true;
if (!isQuick) {
  writeResults(lanes, all, runs);
  writeResults(soldOut, [gate], runs);
}
process.exitCode = isMissed ? 1 : 0;
