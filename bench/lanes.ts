/**
 * `npm run bench:lanes [-- --runs N --quick]`: the same 1,000 orders through the queue (no `Prefer`)
 * and through the lane (`Prefer: wait=10`), interleaved, at concurrency 8, 32 and 64; and 5,000
 * orders for a sold-out item with the gate on and off. Exits with 1 when a target is missed.
 *
 * The time to outcome runs from sending the order until its buyer knows: by the push on a socket,
 * which every buyer has open, or by the answer of the lane, whose buyers need none. Beside it stands
 * the time by the row's stamp, taken alike for both, one D1 commit before the outcome is durable.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { heard } from "./lib/heard.ts";
import { table, writeResults } from "./lib/report.ts";
import { runSeries, type Series } from "./lib/series.ts";
import { formatRatio, median, ratio } from "./lib/stats.ts";
import { LANE, QUEUE } from "./lib/systems.ts";
import { judge } from "./lib/targets.ts";
import { NO_METRICS, type Scenario, scaled } from "./scenarios/scenario.ts";
import { soldOut } from "./scenarios/sold-out.ts";

const ORDERS = 1_000;
const LISTENERS = 250;
const LATENCY_AT = 8;
const BETWEEN = 32;
const THROUGHPUT_AT = 64;
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

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
  },
});
const isQuick = values.quick;
const runs = isQuick ? 1 : Number(values.runs);
if (!Number.isInteger(runs) || runs < 1 || runs > 50) throw new RangeError("--runs is 1 to 50");

let isMissed = false;
function tell(what: string, found: ReturnType<typeof ratio>, atLeast: number): void {
  const isMet = found.value >= atLeast;
  if (!isMet) isMissed = true;
  console.log(`${isMet ? "met   " : "MISSED"} ${what}: ${formatRatio(found)}, at least ${atLeast}`);
}

const of = (
  series: Series,
  system: string,
  metric: "accepted_per_s" | "settled_per_s" | "outcome_p50_ms",
) => (series.runs[system] ?? []).map((metrics) => metrics[metric]);

const all: Series[] = [];
for (const concurrency of [LATENCY_AT, BETWEEN, THROUGHPUT_AT]) {
  const series = await runSeries(lanes, { concurrency, runs, isQuick });
  all.push(series);
  console.log(`\n${lanes.about}, ${concurrency} at a time, medians of ${runs}\n${table(series)}`);
  const queue_ms = stamped_ms.get(`${concurrency} ${QUEUE.name}`) ?? [];
  const lane_ms = stamped_ms.get(`${concurrency} ${LANE.name}`) ?? [];
  const times = ratio(
    of(series, QUEUE.name, "outcome_p50_ms"),
    of(series, LANE.name, "outcome_p50_ms"),
  );
  const what = "time to outcome p50, queue / lane";
  if (concurrency === LATENCY_AT) tell(what, times, 3);
  else console.log(`       ${what}: ${formatRatio(times)}`);
  console.log(
    `       the same by the rows' stamps: queue ${median(queue_ms).toFixed(1)} ms, lane ${median(lane_ms).toFixed(1)} ms, ${formatRatio(ratio(queue_ms, lane_ms))}`,
  );
  if (concurrency === THROUGHPUT_AT) {
    // An order through the lane is answered with its outcome; one through the queue is so only settled.
    const settled = ratio(
      of(series, LANE.name, "settled_per_s"),
      of(series, QUEUE.name, "settled_per_s"),
    );
    tell("orders settled/s, lane / queue", settled, 1);
    const accepted = ratio(
      of(series, LANE.name, "accepted_per_s"),
      of(series, QUEUE.name, "accepted_per_s"),
    );
    console.log(`       accepted/s, lane / queue: ${formatRatio(accepted)}`);
  }
}

const gate = await runSeries(soldOut, { concurrency: GATE_AT, runs, isQuick });
console.log(`\n${soldOut.about}, ${GATE_AT} at a time, medians of ${runs}\n${table(gate)}`);
for (const { line, isMet } of judge(gate)) {
  console.log(line);
  if (!isMet) isMissed = true;
}
if (!isQuick) {
  writeResults(lanes, all, runs);
  writeResults(soldOut, [gate], runs);
}
process.exitCode = isMissed ? 1 : 0;
