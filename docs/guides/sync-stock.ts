import { readFileSync } from "node:fs";
import process from "node:process";

/** Brings the stock of an ERP into Lockstock. docs/guides/sync-stock-from-your-erp.md explains it. */

const {
  LOCKSTOCK_URL = "http://localhost:8787",
  LOCKSTOCK_TOKEN = "",
  ERP_FILE = "erp.json",
} = process.env;
const TRIES = 5;
/** Lines of one call, at most. */
const STEP = 500;

/** What your ERP knows of an item, at one moment. */
interface ErpItem {
  sku: string;
  /** Units on the shelf. */
  onShelf: number;
  /** Units that were ever shipped, without those that came back. */
  shipped: number;
}
interface Level {
  available: number;
  held: number;
  sold: number;
}
interface Outcome {
  sku: string;
  status: number;
  code?: string;
  level?: Level;
  affected?: string[];
}

/** Repeats while there is no answer. Every call here may be repeated: reads, and counts with a key. */
async function lockstock<T>(method: string, path: string, body?: object, key?: string): Promise<T> {
  for (let tried = 1; ; tried++) {
    const response = await fetch(`${LOCKSTOCK_URL}${path}`, {
      method,
      headers: {
        Authorization: `Bearer ${LOCKSTOCK_TOKEN}`,
        "Content-Type": "application/json",
        ...(key !== undefined && { "Idempotency-Key": key }),
      },
      body: body ? JSON.stringify(body) : null,
    }).catch(() => null);
    if (response?.ok) return (await response.json()) as T;
    const isFinal = response !== null && response.status < 500 && response.status !== 429;
    if (isFinal || tried === TRIES) throw new Error(`${method} ${path}: ${response?.status}`);
    await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** tried));
  }
}

async function levels(): Promise<Map<string, Level>> {
  const all = new Map<string, Level>();
  let cursor: string | null = null;
  do {
    const after: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: { items: { sku: string; level: Level }[]; nextCursor: string | null } =
      await lockstock("GET", `/v1/operations/items?limit=100${after}`);
    for (const { sku, level } of page.items) all.set(sku, level);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return all;
}

// The levels first: what is sold after this is noticed by `expected`, and left to the next run.
const before = await levels();
const erp = JSON.parse(readFileSync(ERP_FILE, "utf8")) as ErpItem[];
const changes = erp.flatMap(({ sku, onShelf, shipped }) => {
  const level = before.get(sku);
  if (!level) return [];
  // Paid units that still lie on the shelf are not for sale.
  const unsold = Math.max(0, onShelf - (level.sold - shipped));
  const expected = level.available + level.held;
  return unsold === expected ? [] : [{ sku, unsold, expected, reason: "ERP" }];
});

const outcomes: Outcome[] = [];
for (let i = 0; i < changes.length; i += STEP) {
  const part = { changes: changes.slice(i, i + STEP) };
  const path = "/v1/stock/bulk";
  const { results } = await lockstock<{ results: Outcome[] }>(
    "POST",
    path,
    part,
    crypto.randomUUID(),
  );
  outcomes.push(...results);
}

const applied = outcomes.filter(({ status }) => status === 200).length;
console.log(`${applied} counts applied, ${erp.length - changes.length} as they are`);
for (const { sku, code, level, affected = [] } of outcomes) {
  // A sale, or another run, came in between: the next run counts again.
  if (code === "stock_changed") console.log(`${sku}: busy, left to the next run`);
  // Units are missing that orders hold: somebody has to decide which of them goes.
  else if (code === "insufficient_available") {
    console.log(`${sku}: orders hold ${level?.held}, more than there are: ${affected.join(", ")}`);
  } else if (code) console.log(`${sku}: ${code}`);
}
process.exitCode = outcomes.some(({ code }) => code === "insufficient_available") ? 1 : 0;
