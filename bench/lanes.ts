/**
 * `npm run bench:lanes [-- --runs N --quick]`: the same 1,000 orders through the queue (no `Prefer`)
 * and through the lane (`Prefer: wait=10`), interleaved, at concurrency 8 and 64; and 5,000 orders
 * for a sold-out item with the gate on and off. Exits with 1 when a target is missed.
 *
 * The time to outcome runs from sending the order until its outcome is durable and could be known.
 * Measured the same way for both: the row's `updated_at`, on the clock of this machine ("stamped").
 * That stamp is taken one D1 commit before the outcome is durable. It would favour nobody if the
 * times were alike, but the lane's are the shorter ones, so leaving the commit out of both makes
 * their ratio look better than it is. What the target is judged by is therefore the stricter one:
 * the lane by its whole HTTP answer, which comes after the commit ("answer"), against the queue by
 * the stamp that comes before it. The true ratio is not below that.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { measure } from "./lib/measure.ts";
import { table, writeResults } from "./lib/report.ts";
import { runSeries, type Series } from "./lib/series.ts";
import { formatRatio, median, percentile, ratio } from "./lib/stats.ts";
import { LANE, QUEUE } from "./lib/systems.ts";
import { judge } from "./lib/targets.ts";
import { type Scenario, scaled } from "./scenarios/scenario.ts";
import { soldOut } from "./scenarios/sold-out.ts";

const ORDERS = 1_000;
const SKU = "LANES";
const LATENCY_AT = 8;
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
    const count = scaled(ORDERS, run);
    const lines = Array.from({ length: count }, () => [{ sku: SKU, quantity: 1 }]);
    const workload = { units: new Map([[SKU, ORDERS]]), lines };
    const system = name === LANE.name ? LANE : QUEUE;
    const seen = await measure(system, workload, run.concurrency, run.onProgress);
    const key = `${run.concurrency} ${name}`;
    const p50_ms = percentile(seen.outcomes.stamped_ms, 0.5);
    stamped_ms.set(key, [...(stamped_ms.get(key) ?? []), p50_ms]);
    return seen.metrics;
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
for (const concurrency of [LATENCY_AT, THROUGHPUT_AT]) {
  const series = await runSeries(lanes, { concurrency, runs, isQuick });
  all.push(series);
  console.log(`\n${lanes.about}, ${concurrency} at a time, medians of ${runs}\n${table(series)}`);
  const queue_ms = stamped_ms.get(`${concurrency} ${QUEUE.name}`) ?? [];
  const lane_ms = stamped_ms.get(`${concurrency} ${LANE.name}`) ?? [];
  console.log(
    `time to outcome p50, both stamped: queue ${median(queue_ms).toFixed(1)} ms, lane ${median(lane_ms).toFixed(1)} ms, queue / lane ${formatRatio(ratio(queue_ms, lane_ms))}`,
  );
  if (concurrency === LATENCY_AT) {
    const answered_ms = of(series, LANE.name, "outcome_p50_ms");
    tell("time to outcome p50, queue (stamped) / lane (answer)", ratio(queue_ms, answered_ms), 3);
  }
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
