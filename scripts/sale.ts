/** A flash sale in the terminal, see USAGE. Exits with 1 when an invariant does not hold. */
import process from "node:process";
import {
  percentile,
  type SaleProgress,
  type SaleResult,
  wordsOf,
} from "../src/web/sale/figures.ts";
import { runSale } from "../src/web/sale/sale.ts";
import { readOptions } from "./lib/options.ts";
import { signToken } from "./lib/token.ts";

const USAGE = `usage: npm run sale -- [--buyers N] [--units N] [--rate N] [--sku SKU] [--url URL]

  --buyers N   customers who want one unit each; default 500
  --units N    units on sale; default 100
  --rate N     buyers a second; default 100
  --sku SKU    the item, made if it is not there; default FLASH-SALE-DEMO
  --url URL    default http://localhost:8787

Makes real orders and changes stock. It orders for every customer with the operator's token, which
is not rate limited; that is read from LOCKSTOCK_TOKEN. Without it, one is signed as
\`npm run token\` does, which a local run accepts.`;

const BAR_CHARS = 40;
const NOTICE_PERIOD_MS = 5_000;

const options = readOptions(
  USAGE,
  {
    buyers: [500, 1_000_000],
    units: [100, 1_000_000],
    rate: [100, 1_000_000],
    sku: "FLASH-SALE-DEMO",
    url: "http://localhost:8787",
  },
  ({ url, ...others }) => ({ ...others, base: new URL(url).origin }),
);

function bar({ buyers, confirmed, soldOut, failed, pending }: SaleProgress): string {
  const share = (n: number) => Math.round((n / buyers) * BAR_CHARS);
  const ended =
    "█".repeat(share(confirmed)) + "▒".repeat(share(soldOut)) + "!".repeat(share(failed));
  return (ended + "·".repeat(share(pending))).slice(0, BAR_CHARS).padEnd(BAR_CHARS);
}

function line(progress: SaleProgress): string {
  const { phase, confirmed, soldOut, pending, failed, level, notice } = progress;
  const left = level ? `${level.available} left` : "";
  const bad = failed > 0 ? `, ${failed} failed` : "";
  const counts = `${confirmed} confirmed, ${soldOut} sold out, ${pending} pending${bad}`;
  const held = notice === null ? "" : `; ${notice}`;
  return `${phase.padEnd(8)} [${bar(progress)}] ${counts}; ${left}${held}`;
}

/** On a terminal one line that changes; elsewhere a line for each phase, and where it is held up. */
function reporter() {
  let last = "";
  let told_ms = 0;
  return (progress: SaleProgress) => {
    if (process.stdout.isTTY) {
      // A longer line would wrap, and the next one could not take its place.
      const text = line(progress).slice(0, process.stdout.columns - 1);
      return process.stdout.write(`\r\u001b[K${text}`);
    }
    const isHeldUp = progress.notice !== null && Date.now() - told_ms >= NOTICE_PERIOD_MS;
    if (progress.phase !== last || isHeldUp) console.log(line(progress));
    if (isHeldUp) told_ms = Date.now();
    last = progress.phase;
    return undefined;
  };
}

function summary({ progress, verdict }: SaleResult): string {
  const { buyers, confirmed, soldOut, failed, failures, elapsed_ms, latencies_ms, level } =
    progress;
  const seconds = elapsed_ms / 1_000;
  const ms = (share: number) => `${percentile(latencies_ms, share) ?? "–"} ms`;
  const check = (isGood: boolean, text: string) => `  ${isGood ? "ok    " : "BROKEN"} ${text}`;
  const stock = level
    ? `${level.received} received = ${level.available} available + ${level.held} held + ${level.sold} sold`
    : "the stock did not answer";
  return [
    "",
    `${buyers} buyers in ${seconds.toFixed(1)} s (${Math.round(buyers / seconds)} a second): ${confirmed} confirmed, ${soldOut} sold out, ${failed} failed`,
    `placed to outcome: p50 ${ms(0.5)}, p99 ${ms(0.99)}`,
    check(verdict.oversold === 0, `oversold ${verdict.oversold}`),
    check(verdict.isBalanced, stock),
    check(verdict.isExact, "confirmed orders = units taken"),
    check(failed === 0, `${failed} failed`),
    ...Object.entries(failures).map(([why, count]) => `         ${count} × ${why}`),
  ].join("\n");
}

console.log(
  `${options.buyers} buyers for ${options.units} units of ${options.sku}, ${options.rate} a second, at ${options.base}`,
);
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
try {
  const result = await runSale({
    ...options,
    operatorToken: process.env["LOCKSTOCK_TOKEN"] ?? (await signToken("sale", "operator")),
    signal: stop.signal,
    onProgress: reporter(),
  });
  console.log(summary(result));
  const { oversold, isBalanced, isExact } = result.verdict;
  const isGood = oversold === 0 && isBalanced && isExact && result.progress.failed === 0;
  process.exitCode = isGood ? 0 : 1;
} catch (error) {
  console.error(`\nThe sale could not be run: ${wordsOf(error)}`);
  process.exitCode = 1;
}
