import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { COURIER_SCHEMA } from "../../src/orders/webhooks/courier-schema.ts";

const ROOT = join(import.meta.dirname, "../..");
const WRITE = /\b(?:INSERT(?: OR \w+)? INTO|REPLACE INTO|UPDATE|DELETE FROM)\s+(\w+|\$\{[^}]*\})/g;

/** Table → the files of `worker` that write it, by their path below the Worker's folder. */
function writersIn(
  worker: "orders" | "stock",
  isOwn: (file: string) => boolean,
): Map<string, Set<string>> {
  const folder = join(ROOT, "src", worker);
  const writers = new Map<string, Set<string>>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".ts") || file.endsWith(".d.ts") || !isOwn(file)) continue;
    const statements = withoutComments(readFileSync(join(folder, file), "utf8"));
    for (const [, table = ""] of statements.matchAll(WRITE)) {
      // `ON CONFLICT … DO UPDATE SET` writes the table of its INSERT.
      if (table === "SET") continue;
      writers.set(table, (writers.get(table) ?? new Set()).add(file));
    }
  }
  return writers;
}

const withoutComments = (text: string): string =>
  text.replace(/\/\*[^]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");

/** Table → the file that docs/storage.md says writes it. */
function documented(section: string): Record<string, string> {
  const text = readFileSync(join(ROOT, "docs/storage.md"), "utf8");
  const part = text.split(/^## /m).find((one) => one.startsWith(section)) ?? "";
  const rows = part.matchAll(/^\| `(\w+)` \|[^|]*\| `([\w./-]+)`/gm);
  return Object.fromEntries([...rows].map(([, table = "", file = ""]) => [table, file]));
}

/** `CREATE TABLE` of the schema, however often a table was made anew. */
const tablesOf = (schema: string): string[] => [
  ...new Set([...schema.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(\w+)/g)].map(([, t = ""]) => t)),
];

const migrations = readdirSync(join(ROOT, "migrations"))
  .map((file) => readFileSync(join(ROOT, "migrations", file), "utf8"))
  .join("\n");
const isOfCourier = (file: string): boolean => /webhooks.courier-store\.ts$/.test(file);
const itemSchema = readFileSync(join(ROOT, "src/stock/item/schema.ts"), "utf8");

test.each([
  ["orders", "D1", migrations, (file: string) => !isOfCourier(file)],
  ["orders", "Durable Object `Courier`", COURIER_SCHEMA.join("\n"), isOfCourier],
  ["stock", "Durable Object `StockItem`", itemSchema, () => true],
] as const)(
  "%s, %s: each table has one file that writes it, and docs/storage.md names it",
  (worker, section, schema, isOwn) => {
    const writers = Object.fromEntries(
      [...writersIn(worker, isOwn)].map(([table, files]) => [table, [...files].join(" and ")]),
    );
    expect(writers).toEqual(documented(section));
    expect(Object.keys(writers).toSorted()).toEqual(tablesOf(schema).toSorted());
  },
);
