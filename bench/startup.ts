/**
 * `npm run startup`: how large both Workers are, and what CPU their start costs: compiling
 * the bundle and running its top level. Exits with 1 over a bound. With --sizes nothing is started:
 * so CI holds what does not depend on the machine.
 *
 * One start is too short to be measured from outside, so one workerd starts many copies of a Worker;
 * what it spends beyond as many copies of an empty one, divided by their number, is the Worker's own.
 */
import process from "node:process";
import { gzipSync } from "node:zlib";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { readOptions } from "../scripts/lib/options.ts";
import { workerdsOf, processCpu_s } from "./lib/meters.ts";
import { bundle } from "./lib/stack.ts";

/**
 * Cloudflare allows 10 MB gzipped and 1 s of start-up CPU (Workers limits). Ours leave room for a few
 * features and not for a large library. Bundles are measured as they are uploaded, not minified.
 */
const WORKERS = [
  { name: "orders", config: "wrangler.toml", bounds: { gzip_KiB: 160, startup_ms: 25 } },
  { name: "stock", config: "wrangler.stock.toml", bounds: { gzip_KiB: 40, startup_ms: 10 } },
];
const EMPTY = "export default { fetch() { return new Response('ok'); } };";
const COPIES = 25;
const ROUNDS = 5;

/** CPU that one workerd has spent when all copies are up. */
async function start_ms(script: string): Promise<number> {
  const before = new Set(workerdsOf(process.pid));
  const workers = Array.from({ length: COPIES }, (_, i) => {
    return { name: `copy-${i}`, modules: true, script, compatibilityDate: "2026-10-23" };
  });
  const log = new Log(LogLevel.NONE);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ workers, cf: false, log, telemetry: { enabled: false } }),
  );
  try {
    await miniflare.ready;
    const pid = workerdsOf(process.pid).find((child) => !before.has(child));
    return pid === undefined ? Number.NaN : processCpu_s(pid) * 1_000;
  } finally {
    await miniflare.dispose();
  }
}

/** What the start of one copy costs. */
async function startup_ms(script: string): Promise<number> {
  const empty_ms: number[] = [];
  const full_ms: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    empty_ms.push(await start_ms(EMPTY));
    full_ms.push(await start_ms(script));
  }
  // The least of all rounds: whatever else the machine does only ever adds to CPU time.
  return (Math.min(...full_ms) - Math.min(...empty_ms)) / COPIES;
}

function tell(what: string, value: number, unit: string, bound: number): void {
  const isOver = value > bound;
  if (isOver) process.exitCode = 1;
  const verdict = isOver ? "OVER" : "kept";
  console.log(`${verdict} ${what} ${value.toFixed(1)} ${unit} (at most ${bound})`);
}

const USAGE = `usage: npm run startup [-- --sizes]

  --sizes  only the sizes; starts nothing`;
const { sizes } = readOptions(USAGE, { sizes: false });
for (const { name, config, bounds } of WORKERS) {
  const script = await bundle(config);
  const all_KiB = Buffer.byteLength(script) / 1_024;
  const gzip_KiB = gzipSync(script).byteLength / 1_024;
  tell(`${name}: ${all_KiB.toFixed(0)} KiB, gzipped`, gzip_KiB, "KiB", bounds.gzip_KiB);
  if (sizes) continue;
  tell(`${name}: start-up CPU`, await startup_ms(script), "ms", bounds.startup_ms);
}
