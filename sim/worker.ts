import { parentPort, workerData } from "node:worker_threads";
import { run, type RunOptions } from "./run.ts";
import { add, emptyTotals } from "./totals.ts";

/** Runs every so-manieth seed and tells the sums now and then. */

const { from, to, step, least, within_ms, without } = workerData as {
  from: number;
  to: number;
  step: number;
  /** From this seed on, none is begun after so many milliseconds. */
  least: number;
  within_ms: number;
  without: NonNullable<RunOptions["without"]>;
};
const SEEDS_PER_MESSAGE = 20;

Error.stackTraceLimit = 0;
const end_ms = performance.now() + within_ms;
let totals = emptyTotals();
for (let seed = from; seed < to; seed += step) {
  if (seed >= least && performance.now() > end_ms) break;
  const result = await run({ seed, without });
  add(totals, result);
  if (totals.seeds < SEEDS_PER_MESSAGE && result.violations.length === 0) continue;
  parentPort?.postMessage(totals);
  totals = emptyTotals();
}
parentPort?.postMessage(totals);
