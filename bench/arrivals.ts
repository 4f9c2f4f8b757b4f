/** `npm run bench:arrivals`: shoppers that arrive at a rate of their own. See USAGE. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOptions } from "../scripts/lib/options.ts";
import { capacity, measureArrivals, type Variant } from "./arrivals/measure.ts";
import { HEAD, type Measured, rowsOf } from "./arrivals/report.ts";
import { align, conditions, RESULTS } from "./lib/report.ts";

const USAGE = `usage: npm run bench:arrivals [-- --rates N,… --runs N --seconds N --quick]

Poisson arrivals at each rate, on one item and on 100: what the batch window and the announce
buffer save and cost. A rate below 2 is a share of the capacity, which is measured first.

  --rates    orders a second; default 50,200,0.8,1.1
  --runs     rounds of interleaved runs; default 3
  --seconds  of arrivals in each run; default 5
  --quick    one round of a second at two rates: whether it runs, not how fast`;

const SHAPES = [
  { name: "hot", skus: 1 },
  { name: "spread", skus: 100 },
];

/** The program as it is, and without each of what makes orders wait for others. */
const VARIANTS: readonly Variant[] = [
  { name: "as it is", without: [] },
  {
    name: "no batch window",
    without: [["waited_ms < BATCH_WINDOW_MS", "false"]],
  },
  { name: "no long hold", without: [["HOLD_SCATTERED_MS = 300", "HOLD_SCATTERED_MS = 20"]] },
  {
    name: "no hold",
    without: [
      ["HOLD_SCATTERED_MS = 300", "HOLD_SCATTERED_MS = 0"],
      ["HOLD_MS = 20", "HOLD_MS = 0"],
    ],
  },
];

function numberOf(name: string, text: string, most: number): number {
  const value = Number(text);
  if (value > 0 && value <= most) return value;
  throw new Error(`--${name}: ${text} is not a number from 0 to ${most}`);
}

/** Each round measures every variant once, each time in another order, with the same arrivals. */
async function measureRate(
  shape: (typeof SHAPES)[number],
  { rate, runs, seconds }: { rate: number; runs: number; seconds: number },
): Promise<Measured["runs"]> {
  const measured: Measured["runs"] = Object.fromEntries(VARIANTS.map(({ name }) => [name, []]));
  for (let round = 0; round < runs; round++) {
    for (const i of VARIANTS.keys()) {
      const variant = VARIANTS[(i + round) % VARIANTS.length] as Variant;
      const options = { rate, seconds, skus: shape.skus, seed: round + 1 };
      measured[variant.name]?.push(await measureArrivals(variant, options));
    }
  }
  return measured;
}

const { rates, runs, seconds, isQuick } = readOptions(
  USAGE,
  { rates: "50,200,0.8,1.1", runs: [3, 50], seconds: [5, 60], quick: false },
  (given) => ({
    rates: (given.quick ? "50,0.8" : given.rates)
      .split(",")
      .map((text) => numberOf("rates", text, 5_000)),
    runs: given.quick ? 1 : given.runs,
    seconds: given.quick ? 1 : given.seconds,
    isQuick: given.quick,
  }),
);
const all: Measured[] = [];
for (const shape of SHAPES) {
  const most = await capacity({ orders: isQuick ? 300 : 3_000, skus: shape.skus });
  console.log(
    `\n# ${shape.name}: capacity ${most.toFixed(0)} orders/s (closed loop, 64 connections)`,
  );
  for (const given of rates) {
    const rate = given < 2 ? given * most : given;
    const measured: Measured = {
      shape: shape.name,
      rate,
      share: rate / most,
      runs: await measureRate(shape, { rate, runs, seconds }),
    };
    all.push(measured);
    const share = (measured.share * 100).toFixed(0);
    console.log(`\n${rate.toFixed(0)} orders/s, ${share} % of capacity, medians of ${runs}`);
    console.log(align([HEAD, ...rowsOf(measured)]));
  }
}
if (!isQuick) {
  const json = { ...conditions(), runs, seconds, measured: all };
  writeFileSync(join(RESULTS, "arrivals.json"), `${JSON.stringify(json, null, 1)}\n`);
}
