import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { readOptions } from "../scripts/lib/options.ts";
import { FAULTS, TROUBLES } from "./kernel/faults.ts";
import { run, type RunOptions } from "./run.ts";
import { shrink } from "./shrink.ts";
import { add, emptyTotals, type Totals } from "./totals.ts";

/** So many are run however slow the machine is: every mutant is found by one of them. */
const LEAST = 400;

const USAGE = `usage: npm run simulate [-- --seeds N --from S --workers W --within T --print --without JSON]

  --seeds N       default 300
  --from S        the first seed; default 1
  --workers W     threads; default 2
  --within T      begins no seed after T seconds, once it has run ${LEAST}; default a day
  --print         what happens, step by step
  --without JSON  what to leave out of the runs, as a failing run suggests it
  --brief         stops at the first failing seed and shows only that: for scripts

Exits with 1 when an invariant was violated, or when over many seeds some fault never struck.`;

const {
  seeds: count,
  from,
  ...values
} = readOptions(USAGE, {
  seeds: 300,
  from: 1,
  workers: 2,
  within: 86_400,
  print: false,
  without: "{}",
  brief: false,
});
const without = JSON.parse(values.without) as NonNullable<RunOptions["without"]>;
/** So many seeds have to meet every fault. */
const MANY = 200;

// The code under test makes errors by the thousand and catches them; nobody reads their stacks.
Error.stackTraceLimit = 0;

const start_ms = performance.now();
const totals = count === 1 || values.print ? await here() : await inWorkers();
report(totals);
const failed = totals.failed.sort((a, b) => a.seed - b.seed)[0];
if (failed && !values.brief) await explain(failed.seed);
const silent =
  count >= MANY && !values.brief
    ? [...Object.keys(FAULTS), ...TROUBLES].filter((kind) => !totals.fired[kind])
    : [];
if (silent.length > 0) console.log(`never struck: ${silent.join(", ")}`);
process.exitCode = failed || silent.length > 0 ? 1 : 0;

async function here(): Promise<Totals> {
  const all = emptyTotals();
  for (let seed = from; seed < from + count; seed++) {
    const result = await run({ seed, isPrinted: values.print, without });
    if (result.lines) console.log(result.lines.join("\n"));
    add(all, result);
  }
  return all;
}

/** Every worker takes each so-manieth seed. */
async function inWorkers(): Promise<Totals> {
  const workers = Math.min(values.workers, count);
  const all = emptyTotals();
  const running: Worker[] = [];
  const parts = Array.from({ length: workers }, (_, i) => {
    return new Promise<void>((resolve, reject) => {
      const workerData = {
        from: from + i,
        to: from + count,
        step: workers,
        without,
        least: from + LEAST,
        within_ms: 1_000 * values.within,
      };
      const worker = new Worker(join(import.meta.dirname, "worker.ts"), { workerData });
      running.push(worker);
      worker.on("message", (totals: Totals) => {
        add(all, totals);
        if (values.brief && all.failed.length > 0)
          for (const other of running) void other.terminate();
      });
      worker.on("error", reject);
      worker.on("exit", () => resolve());
    });
  });
  await Promise.all(parts);
  return all;
}

function report({
  seeds,
  operations,
  requests,
  orders,
  events,
  fired,
  failed,
  hash,
}: Totals): void {
  const seconds = (performance.now() - start_ms) / 1_000;
  if (seeds < count && failed.length === 0)
    console.log(`${values.within} s are over: ${seeds} of ${count} seeds`);
  console.log(
    `seeds ${seeds} (from ${from}), ${seconds.toFixed(1)} s, ${((1_000 * seconds) / Math.max(1, seeds)).toFixed(0)} ms a seed`,
  );
  console.log(
    `operations ${operations}, requests ${requests}, orders ${orders}, events ${events}, hash ${hash}`,
  );
  if (!values.brief) {
    console.log("faults fired:");
    for (const kind of [...Object.keys(FAULTS), ...TROUBLES])
      console.log(`  ${kind.padEnd(26)} ${fired[kind] ?? 0}`);
  }
  console.log(`violations ${failed.length}`);
  for (const { seed, violations } of failed.slice(0, 10))
    console.log(`  seed ${seed}: ${violations[0]}`);
}

async function explain(seed: number): Promise<void> {
  const full = await run({ seed, without });
  if (full.violations.length === 0)
    return console.log(`seed ${seed} does not fail again: the simulation is not deterministic`);
  const isGiven = values.without !== "{}";
  const shrunk = isGiven ? { without, runs: 0 } : await shrink(full);
  if (!values.print) {
    const { lines } = await run({ seed, isPrinted: true, without: shrunk.without });
    console.log(`\nThe history of seed ${seed}, shortened in ${shrunk.runs} runs:`);
    console.log((lines ?? []).join("\n"));
  }
  console.log(
    `\nTo see it again: npm run simulate -- --seeds 1 --from ${seed} --print --without '${JSON.stringify(shrunk.without)}'`,
  );
  console.log(`The whole of it: npm run simulate -- --seeds 1 --from ${seed} --print`);
}
