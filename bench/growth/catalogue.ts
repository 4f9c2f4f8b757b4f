import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { ROOT } from "../../scripts/lib/project.ts";
import { tokenOf } from "../lib/orders.ts";
import type { Stack } from "../lib/stack.ts";
import { type Call, get, headersOf, send } from "./calls.ts";

/** Calls whose cost must not grow with the catalogue, and those that read all of it. */

const skuOf = (i: number): string => `ITEM-${String(i).padStart(6, "0")}`;
const PAUSED = skuOf(7);
/** Rows of one statement. */
const STEP = 20_000;

/** Items of which every tenth is sold out, with levels that have just been told. */
export async function fillCatalogue(stack: Stack, items: number): Promise<void> {
  for (let from = 0; from < items; from += STEP) {
    const to = Math.min(items, from + STEP);
    await stack.read(
      `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i + 1 < ${to})
       INSERT INTO items (sku, name, price_amount, price_currency, updated_at, available, level_at,
         level_trust, sale_starts_at)
       SELECT printf('ITEM-%06d', n.i), 'Item ' || n.i, 100, 'EUR', 0, iif(n.i % 10, 9, 0),
         ${Date.now()}, 3600000, iif(n.i % 3, NULL, 1000000 + n.i) FROM n`,
    );
  }
  const headers = await headersOf("operator");
  await send(stack, `/v1/items/${PAUSED}/pause`, { method: "POST", headers }, 200);
}

async function refused(stack: Stack): Promise<void> {
  const headers = await headersOf("customer");
  const body = JSON.stringify({ lines: [{ sku: PAUSED, quantity: 1 }] });
  await send(stack, "/v1/orders", { method: "POST", headers, body }, 409);
}

async function compareLocks(stack: Stack): Promise<void> {
  const headers = await headersOf("operator");
  const cursor = btoa(JSON.stringify({ phase: "locks", sku: skuOf(500), after: "" }));
  const body = JSON.stringify({ cursor });
  await send(stack, "/v1/operations/reconcile", { method: "POST", headers, body }, 200);
}

const OPERATORS = "/v1/operations/items?limit=20";

export const CATALOGUE_CALLS: Call[] = [
  { name: "100 items of the catalogue", run: (stack) => get(stack, "/v1/items?limit=100") },
  { name: "an item", run: (stack) => get(stack, `/v1/items/${skuOf(500)}`) },
  { name: "operators' items by SKU", run: (stack) => get(stack, OPERATORS) },
  { name: "… by sale", run: (stack) => get(stack, `${OPERATORS}&sort=saleStartsAt`) },
  { name: "… a search that finds nothing", run: (stack) => get(stack, `${OPERATORS}&q=nowhere`) },
  { name: "operations", run: (stack) => get(stack, "/v1/operations") },
  { name: "an order refused at the door", run: refused },
  { name: "compare the locks of 200 items", run: compareLocks },
];

/** What reads the whole catalogue, with what that takes. */
export async function wholeCatalogue(stack: Stack, items: number): Promise<string[][]> {
  const memory = () => `${Math.round(stack.peakMemory_bytes() / 1e6)} MB`;
  const rows: string[][] = [];
  const time = async (name: string, work: () => Promise<unknown>): Promise<void> => {
    const start_ms = performance.now();
    await work();
    rows.push([name, `${((performance.now() - start_ms) / 1_000).toFixed(1)} s`, memory()]);
  };
  await time("export all items", () => get(stack, "/v1/operations/items/export"));
  await time("import a file in which every price is new", () => importFile(stack, items));
  return rows;
}

async function importFile(stack: Stack, items: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lockstock-import-"));
  try {
    const file = join(folder, "items.csv");
    const lines = Array.from({ length: items }, (_, i) => `${skuOf(i)},Item ${i},200,EUR`);
    writeFileSync(file, `sku,name,price,currency\n${lines.join("\n")}\n`);
    const env = { ...process.env, LOCKSTOCK_TOKEN: await tokenOf("operator", "operator") };
    const command = ["scripts/import.ts", file, "--yes", "--url", stack.base];
    await promisify(execFile)(process.execPath, command, { cwd: ROOT, env, maxBuffer: 1e8 });
  } finally {
    rmSync(folder, { recursive: true });
  }
}
