/** `npm run cost`: what a million orders cost, by what is counted while orders run. See USAGE. */
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { type Judged, judgeFull, judgeIdle, judgeLone } from "./cost/budgets.ts";
import { BASELINES, type Counted, countFull, countLone, LOCKSTOCK } from "./cost/count.ts";
import { lastFigures, type Measured, writeFigures } from "./cost/figures.ts";
import { countIdle, type IdleMonth, IDLE_ITEMS } from "./cost/idle.ts";
import { costTable, idleTable, pricesLine, savingsTable, shapeTable } from "./cost/report.ts";
import { countSavings } from "./cost/savings.ts";
import { tripsText } from "./cost/trips-report.ts";
import { countTrips } from "./cost/trips.ts";
import { shapeOf, usageOf } from "./cost/usage.ts";

const USAGE = `usage: npm run cost [-- --savings | --idle | --trips]

  --savings  instead: what each saving step saves; takes it out and counts again
  --idle     instead: what a catalogue costs a month with no orders at all
  --trips    instead: what a call costs in wide-area trips

Writes bench/results/cost.json. Exits with 1 when a budget is exceeded.`;

const CONCURRENCY = 256;
const LONE_ORDERS = 20;
const FULL_ORDERS = 10_000;
const OTHER_ORDERS = 1_000;
const SKUS = 500;
/** A lone order waits 5 s for each of two batches to fill there. */
const LONE_BASELINE_ORDERS = 2;

const tell = (what: string): void => void process.stderr.write(`counting: ${what}\n`);

async function savings(): Promise<void> {
  const load = { orders: OTHER_ORDERS, concurrency: CONCURRENCY };
  const found = await countSavings(load, (name) => tell(`without ${name}`));
  writeFigures({ ...lastFigures(), savings: found });
  console.log(savingsTable(found));
}

async function costs(): Promise<void> {
  tell("every order alone");
  const lone = await countLone(LOCKSTOCK, { orders: LONE_ORDERS });
  const loneNoKey = await countLone(LOCKSTOCK, { orders: LONE_ORDERS, hasKeys: false });
  tell("full load");
  const load = { orders: OTHER_ORDERS, concurrency: CONCURRENCY };
  const full = await countFull(LOCKSTOCK, { ...load, orders: FULL_ORDERS });
  const fullNoKey = await countFull(LOCKSTOCK, { ...load, hasKeys: false });
  tell("full load, many SKUs");
  const spread = await countFull(LOCKSTOCK, { ...load, skus: SKUS });
  const systems: Measured[] = [
    { name: "every order alone", ...figuresOf(lone), shape: shapeOf(lone) },
    { name: "full load", ...figuresOf(full), shape: shapeOf(full) },
    { name: "full load, no key", ...figuresOf(fullNoKey), shape: shapeOf(fullNoKey) },
    { name: "full load, many SKUs", ...figuresOf(spread), shape: shapeOf(spread) },
  ];
  for (const baseline of BASELINES) {
    tell(baseline.name);
    const alone = await countLone(baseline, { orders: LONE_BASELINE_ORDERS });
    systems.push({ name: `${baseline.name}, alone`, ...figuresOf(alone) });
    const many = await countFull(baseline, load);
    systems.push({ name: `${baseline.name}, full load`, ...figuresOf(many) });
  }
  writeFigures({ ...lastFigures(), systems });
  console.log(`${costTable(systems)}\n\n${shapeTable(systems)}\n\n${pricesLine()}\n`);
  judge("every order alone", judgeLone(lone, { hasKeys: true }));
  judge("every order alone, no key", judgeLone(loneNoKey, { hasKeys: false }));
  judge("full load", judgeFull(full, { hasKeys: true }));
  judge("full load, no key", judgeFull(fullNoKey, { hasKeys: false }));
}

const figuresOf = (counted: Counted) => ({ orders: counted.orders, usage: usageOf(counted) });

function judge(load: string, budgets: Judged[]): void {
  for (const { what, value, limit, isKept } of budgets) {
    console.log(`${isKept ? "kept" : "OVER"}  ${load}: ${what} ${value.toFixed(3)} (${limit})`);
    if (!isKept) process.exitCode = 1;
  }
}

async function idle(): Promise<void> {
  const months: IdleMonth[] = [];
  for (const items of IDLE_ITEMS) {
    tell(`${items} idle items`);
    months.push(await countIdle(items));
  }
  writeFigures({ ...lastFigures(), idle: months });
  console.log(`${idleTable(months)}\n\n${pricesLine()}\n`);
  for (const { items, usage } of months) {
    judge(`${items} idle items`, judgeIdle(usage));
  }
}

async function trips(): Promise<void> {
  const counted = await countTrips(tell);
  writeFigures({ ...lastFigures(), trips: counted });
  console.log(tripsText(counted));
}

const wanted = readOptions(USAGE, { savings: false, idle: false, trips: false });
await (wanted.savings ? savings() : wanted.idle ? idle() : wanted.trips ? trips() : costs());
