import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import { COURIER_SCHEMA } from "../../src/orders/webhooks/courier-schema.ts";
import { SCHEMA } from "../../src/stock/item/schema.ts";
import { notAdding } from "./support/additive.ts";
import { frozen, golden, hashOf, versions } from "./support/versions.ts";
import { migrationNames, migrationText } from "./support/migrations.ts";

const [first] = versions();
const baseline = golden(first!).frozen;

describe.each(versions())("what version %s was released with", (version) => {
  const released = golden(version).frozen;

  test("its migrations of D1 are unchanged, and every other one comes after them", () => {
    const names = Object.keys(released.migrations);
    expect(migrationNames().slice(0, names.length)).toEqual(names);
    expect(frozen().migrations).toMatchObject(released.migrations);
  });

  test("the versions of the stock item's tables are unchanged, and others come after them", () => {
    expect(frozen().item.slice(0, released.item.length)).toEqual(released.item);
  });

  test.each(Object.entries(released.objects))("%s keeps its classes of objects", (file, known) => {
    const now = frozen().objects[file]!;
    expect(known.length).toBeGreaterThan(0);
    expect(now.slice(0, known.length)).toEqual(known);
    const removing = now.slice(known.length).filter((part) => /(delet|renam|transferr)ed/.test(part));
    expect(removing).toEqual([]);
  });
});

describe("what came after the first release only adds", () => {
  test("in D1", () => {
    const later = migrationNames().filter((name) => !(name in baseline.migrations));
    expect(later.flatMap((name) => notAdding(migrationText(name)))).toEqual([]);
  });

  test("in the stock item", () => {
    const later = SCHEMA.slice(baseline.item.length);
    expect(later.flatMap((statements) => notAdding(statements))).toEqual([]);
  });

  test.each([
    "CREATE TABLE refunds (id TEXT PRIMARY KEY) STRICT;",
    "CREATE INDEX orders_by_age ON orders (placed_at); -- DROP TABLE in a comment",
    "ALTER TABLE orders ADD COLUMN note TEXT",
    "ALTER TABLE orders ADD note TEXT NOT NULL DEFAULT ''",
    "CREATE TABLE notes (id TEXT) STRICT; CREATE UNIQUE INDEX one_note ON notes (id)",
    "ALTER TABLE orders ADD COLUMN note TEXT; CREATE UNIQUE INDEX one ON orders (note) WHERE note IS NOT NULL",
  ])("%s", (sql) => {
    expect(notAdding(sql)).toEqual([]);
  });

  test.each([
    "DROP TABLE presence",
    "DROP INDEX orders_due",
    "ALTER TABLE orders DROP COLUMN attempts",
    "ALTER TABLE orders RENAME COLUMN reason TO why",
    "ALTER TABLE orders RENAME TO old_orders",
    "ALTER TABLE orders ADD COLUMN note TEXT NOT NULL",
    "CREATE UNIQUE INDEX one_order ON orders (customer_id)",
    "CREATE UNIQUE INDEX one_order ON orders (customer_id) WHERE customer_id IS NOT NULL",
    "CREATE TABLE orders_2 AS SELECT * FROM orders",
    "UPDATE orders SET due_at = 0",
    "INSERT INTO presence SELECT * FROM old_presence",
    "CREATE TRIGGER t AFTER INSERT ON orders BEGIN SELECT 1",
  ])("but not: %s", (sql) => {
    expect(notAdding(`CREATE TABLE a (b TEXT); ${sql};`)).toEqual([sql]);
  });

  test("comments and layout are no change of a migration, anything else is", () => {
    expect(hashOf("CREATE TABLE a (\n  b TEXT -- why\n);")).toBe(hashOf("CREATE TABLE a ( b TEXT );"));
    expect(hashOf("CREATE TABLE a ( b INT );")).not.toBe(hashOf("CREATE TABLE a ( b TEXT );"));
  });
});

describe("the SQL of the Workers", () => {
  const files = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.tsx?$/.test(file) && !file.startsWith("web/"))
    .map((file) => [file, readFileSync(join(ROOT, "src", file), "utf8")] as const);

  /** Where a source matches, with the line. */
  const found = (pattern: RegExp, textOf = (text: string) => text): string[] =>
    files.flatMap(([file, text]) =>
      [...textOf(text).matchAll(pattern)].map(([match]) => `${file}: ${match}`),
    );

  test("is found by these patterns", () => {
    expect(found(/\bINSERT\s+INTO\s+\w+\s*\(/gi).length).toBeGreaterThan(8);
  });

  test("replaces no row: that would reset a column which only a newer version knows", () => {
    expect(found(/\b(INSERT\s+OR\s+REPLACE|REPLACE\s+INTO)\b.*/gi)).toEqual([]);
  });

  test("names the columns of each INSERT: a newer version's table has more", () => {
    const inserts = found(/\bINSERT\s+(OR\s+\w+\s+)?INTO\s+[^\s(]+\s*\S/gi);
    expect(inserts.filter((insert) => !insert.endsWith("("))).toEqual([]);
  });

  test("defines tables in migrations and in the objects' lists of versions only", () => {
    const versions = [...SCHEMA, ...COURIER_SCHEMA];
    const rest = (text: string) => versions.reduce((left, part) => left.replace(part, ""), text);
    const defined = found(/\b(CREATE|ALTER|DROP)\s+(\w+\s+)?(TABLE|INDEX)\b[^(]*/g, rest);
    expect(defined).toEqual([
      expect.stringMatching(/: CREATE TABLE IF NOT EXISTS schema_version $/),
    ]);
  });
});
