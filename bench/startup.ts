/**
 * `npm run startup`: how large both Workers are, and what CPU their start costs: compiling the bundle
 * and running its top level. Exits with 1 over a bound.
 *
 * One start is too short to be measured from outside, so one workerd starts many copies of a Worker;
 * what it spends beyond as many copies of an empty one, divided by their number, is the Worker's own.
 */
import process from "node:process";
import { gzipSync } from "node:zlib";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { workerdsOf, processCpu_s } from "./lib/meters.ts";
import { bundle } from "./lib/stack.ts";

/**
 * Cloudflare allows 10 MB gzipped and 1 s of start-up CPU (Workers limits). Ours are about twice
 * what was measured when they were written: a library that costs more than all the rest shows.
 */
const WORKERS = [
  { name: "orders", config: "wrangler.toml", bounds: { gzip_KiB: 110, startup_ms: 25 } },
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

let isOver = false;
for (const { name, config, bounds } of WORKERS) {
  const script = await bundle(config);
  const empty_ms: number[] = [];
  const full_ms: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    empty_ms.push(await start_ms(EMPTY));
    full_ms.push(await start_ms(script));
  }
  // The least of all rounds: whatever else the machine does only ever adds to CPU time.
  const startup_ms = (Math.min(...full_ms) - Math.min(...empty_ms)) / COPIES;
  const gzip_KiB = gzipSync(script).byteLength / 1_024;
  const isKept = gzip_KiB <= bounds.gzip_KiB && !(startup_ms > bounds.startup_ms);
  if (!isKept) isOver = true;
  console.log(
    `${isKept ? "kept" : "OVER"} ${name}: ${(Buffer.byteLength(script) / 1_024).toFixed(0)} KiB, ` +
      `${gzip_KiB.toFixed(1)} KiB gzipped (at most ${bounds.gzip_KiB}), ` +
      `start-up CPU ${startup_ms.toFixed(1)} ms (at most ${bounds.startup_ms})`,
  );
}
process.exitCode = isOver ? 1 : 0;
