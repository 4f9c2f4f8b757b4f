/**
 * `npm run scaling`: what rates of orders need, from what was counted (`npm run cost`),
 * what was timed, and the published limits. Prints the tables of docs/scaling.md
 * (`npm run tables` puts them there).
 *
 * With --measure it times the steps anew, writes bench/results/scaling.json, and holds the model
 * against this machine: batches of other sizes than those it was made from, and a saturated stack.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { ROOT } from "../scripts/lib/project.ts";
import { lastFigures } from "./cost/figures.ts";
import { measure } from "./lib/measure.ts";
import { QUEUE } from "./lib/systems.ts";
import { calibrate, type Calibration } from "./scaling/calibrate.ts";
import { sources, tablesOf } from "./scaling/report.ts";

const FILE = join(ROOT, "bench/results/scaling.json");
const ORDERS = 4_000;
const CONCURRENCY = 256;

const USAGE = `usage: npm run scaling [-- --measure]

  --measure  times the steps anew, and holds the model against this machine`;

const options = readOptions(USAGE, { measure: false });
const { systems } = lastFigures();
if (options.measure) await measureAll();
const calibration = JSON.parse(readFileSync(FILE, "utf8")) as Calibration;
console.log(`${Object.values(tablesOf(calibration, systems)).join("\n\n")}\n\n${sources()}`);

async function measureAll(): Promise<void> {
  const { calibration: found, checked } = await calibrate();
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === "number" ? Number(value.toPrecision(4)) : value;
  writeFileSync(FILE, `${JSON.stringify(found, rounded, 1)}\n`);
  for (const { step, batch, predicted_ms, measured_ms } of checked) {
    tell(`${step}, ${batch} orders, ms`, predicted_ms, measured_ms);
  }
  // Here one thread runs Workers, objects, D1 and queues, so an order's CPU is what sets the pace.
  const cpu_ms = systems.find(({ name }) => name === "full load")?.usage.cpu_ms ?? Number.NaN;
  const lines = Array.from({ length: ORDERS }, () => [{ sku: "HOT", quantity: 1 }]);
  const workload = { units: new Map([["HOT", ORDERS]]), lines };
  const { metrics } = await measure(QUEUE, workload, CONCURRENCY);
  tell("a saturated stack, orders/s", 1_000 / cpu_ms, metrics.settled_per_s);
  process.stderr.write("\n");
}

function tell(what: string, predicted: number, measured: number): void {
  const [p, m] = [predicted, measured].map((value) => Number(value.toPrecision(3)));
  const ratio = (measured / predicted).toFixed(2);
  process.stderr.write(`${what}: predicted ${p}, measured ${m}, ratio ${ratio}\n`);
}
