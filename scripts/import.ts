/** Imports items and stock from a CSV, see USAGE. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { Journal } from "./import/journal.ts";
import { planOf, summaryOf } from "./import/plan.ts";
import { readCsv } from "./import/read-csv.ts";
import { readItems, sendCounts, sendItems } from "./import/send.ts";
import { asker } from "./lib/api-client.ts";
import { readFileAndOptions } from "./lib/options.ts";
import { signToken } from "./lib/token.ts";

const USAGE = `usage: npm run import -- items.csv [--url URL] [--dry-run] [--yes] [--skip-bad] [--again NAME]
                                        [--batch N]

  --url URL    default http://localhost:8787
  --dry-run    checks the file and says what would change
  --yes        does not ask before it changes something
  --skip-bad   imports the other lines when some are bad
  --again NAME counts the stock of a file anew that was imported before; another name each time
  --batch N    lines of one call, default 200, at most 500

The first line names the columns, in any order: sku, name, price, currency, limitPerCustomer,
paymentWindowSeconds, saleStartsAt, saleEndsAt, status, stock. A price is a decimal number (12.50). stock is what is on the
shelf, without paid units that are not shipped yet; empty leaves it as it is. A file with sku and
stock only leaves the items as they are. Separated by commas, semicolons or tabs.

All lines are checked before anything is sent. A run that was killed is repeated: it does what is
left. Each stock of a file counts once, however often the file is imported, so that units which were
sold since are not put back; --again counts it anew. A stock that changes while the file is imported is left alone, and reported.
What the stocks were when the first run began is kept beside the file, in FILE.<digits>.import, until
all lines have an answer: whoever repeats a killed run needs that file too. An item remembers an import
for LOCK_RETENTION_DAYS (30): after that time the same file counts anew.

The token is read from LOCKSTOCK_TOKEN, and needs catalogue:write, stock:write and operations:read.
Without it, one is signed as \`npm run token\` does, which a local run accepts.

Exits with 0 when everything is as the file says, 1 when some lines are not, 2 when nothing was sent.`;

/** Bad lines and refusals that are printed. */
const MAX_SHOWN = 50;

const options = readFileAndOptions(USAGE, {
  url: "http://localhost:8787",
  "dry-run": false,
  yes: false,
  "skip-bad": false,
  again: "",
  batch: [200, 500],
});

function list(entries: readonly string[]): void {
  for (const entry of entries.slice(0, MAX_SHOWN)) console.log(`  ${entry}`);
  if (entries.length > MAX_SHOWN) console.log(`  … and ${entries.length - MAX_SHOWN} more`);
}

async function isWanted(): Promise<boolean> {
  if (options.yes) return true;
  if (!process.stdin.isTTY) throw new Error("there is nobody to ask: say --yes, or --dry-run");
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question("Import it? [y/N] ");
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

const progress = (what: string, all: number) => (done: number) =>
  console.log(`${what} ${done}/${all}`);

async function main(): Promise<number> {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(
    readFileSync(options.file),
  );
  const { rows, bad } = readCsv(text);
  if (bad.length > 0) {
    console.log(`${bad.length} bad lines:`);
    list(bad.map(({ line, messages }) => `line ${line}: ${messages.join("; ")}`));
    if (!options["skip-bad"]) throw new Error("nothing was sent: correct them, or say --skip-bad");
  }
  const token = process.env["LOCKSTOCK_TOKEN"] ?? (await signToken("import", "operator"));
  const { origin } = new URL(options.url);
  const ask = asker(origin, token);
  const start_ms = Date.now();
  const digest = createHash("sha256").update(text).update(`\n${options.again}`).digest("hex");
  const journal = new Journal(options.file, `${origin} ${digest}`);
  const kept = journal.read();
  if (kept.size > 0) console.log(`goes on with an import that did not end (${journal.path})`);
  const plan = planOf(rows, await readItems(ask), kept);
  if (plan.unknown.length > 0) {
    console.log(`${plan.unknown.length} SKUs are not in the catalogue:`);
    list(plan.unknown.map(({ line, sku }) => `line ${line}: ${sku}`));
  }
  console.log(summaryOf(plan));
  const items = [...plan.created, ...plan.changed];
  const isLeft = items.length + plan.counts.length > 0;
  const isBad = bad.length + plan.unknown.length > 0;
  if (!isLeft || options["dry-run"]) return isBad ? 1 : 0;
  if (!(await isWanted())) return 2;
  const { batch } = options;
  journal.write(plan.counts);
  const badItems = await sendItems(ask, { lines: items, batch }, progress("items", items.length));
  const counting = { lines: plan.counts, key: `import-${digest.slice(0, 32)}`, batch };
  const counts = await sendCounts(ask, counting, progress("stock", plan.counts.length));
  if (counts.unanswered === 0) journal.remove();
  const refused = [...badItems, ...counts.refused];
  if (counts.replayed > 0) {
    console.log(`${counts.replayed} stocks were counted by an earlier import of this file`);
  }
  if (refused.length > 0) {
    console.log(`${refused.length} not imported:`);
    list(refused.map(({ sku, why }) => `${sku}: ${why}`));
  }
  const seconds = ((Date.now() - start_ms) / 1_000).toFixed(1);
  console.log(`${rows.length} lines in ${seconds} s, ${refused.length} not imported`);
  return refused.length > 0 || isBad ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
}
