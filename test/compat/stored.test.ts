import type { SQLInputValue } from "node:sqlite";
import { describe, expect, test } from "vitest";
import { Engine } from "../../sim/platform/sqlite.ts";
import { migrate, SCHEMA } from "../../src/stock/item/schema.ts";
import { lost } from "./support/covers.ts";
import { unintended } from "./support/intended.ts";
import { migrationNames, migrationText } from "./support/migrations.ts";
import { type Dump, dumpOf, Storage } from "./support/platform.ts";
import { day, dayOfMoney, nextDay } from "./support/scenario.ts";
import { golden, type Statements, versions } from "./support/versions.ts";
import { type Stored, World } from "./support/world.ts";

/** The older version runs its day on this database, statement by statement. */
function replay({ db }: Engine, { texts }: Statements, runs: Statements["d1"]): void {
  for (const [text, ...values] of runs) db.prepare(texts[text]!).all(...(values as SQLInputValue[]));
}

/** Reading and writing the table of versions, and making tables: done by today's code instead. */
const isMigration = (sql: string): boolean => /\bschema_version\b|^\s*(CREATE|ALTER)\b/.test(sql);

describe.each(versions())("version %s", (version) => {
  const { stored, answers, statements } = golden(version);

  test("today's code goes on with what it stored, and answers as it would have", async () => {
    const world = await World.open(stored);
    expect(unintended(version, lost(answers, await nextDay(world)))).toEqual([]);
  });

  test("what it stored takes payments, returns and erasures", async () => {
    const world = await World.open(stored);
    await dayOfMoney(world);
    const answers = world.calls.filter(({ target }) => target === "HTTP");
    expect(answers.map(({ answer }) => (answer as { status: number }).status)).toEqual([
      201, 200, 201, 201, 201, 201, 204,
    ]);
    const [item] = world.stored().items["BOOK"]!.rows["item"]!;
    expect(item).toMatchObject({ received: 5, available: 4, held: 0, sold: 1 });
    const { differences } = (await nextDay(world)) as { differences: { body: unknown } };
    expect(differences.body).toMatchObject({ differences: [] });
  });

  test("after a rollback its statements run on today's D1, with the same rows", () => {
    const engine = new Engine();
    for (const name of migrationNames()) engine.db.exec(migrationText(name));
    replay(engine, statements, statements.d1);
    expect(unintended(version, lost(stored.d1.rows, dumpOf(engine).rows, "D1"))).toEqual([]);
  });

  test.each(Object.keys(stored.items))("… and on today's tables of item %s", (sku) => {
    const storage = new Storage(sku);
    migrate(storage.binding().sql);
    storage.store.commit();
    const runs = statements.items[sku]!.filter(([text]) => !isMigration(statements.texts[text]!));
    expect(runs.length).toBeGreaterThan(0);
    replay(storage.engine, statements, runs);
    const { schema_version: _, ...rows } = stored.items[sku]!.rows;
    expect(unintended(version, lost(rows, dumpOf(storage.engine).rows, sku))).toEqual([]);
  });
});

describe("the tables of a stock item", () => {
    test.each(SCHEMA.map((_, version) => version))("at version %s are brought to today's", (version) => {
    const storage = new Storage("older");
    for (const statements of SCHEMA.slice(0, version)) storage.engine.db.exec(statements);
    storage.engine.db.exec("CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT");
    storage.engine.db.prepare("INSERT INTO schema_version VALUES (?)").run(version);
    migrate(storage.binding().sql);
    storage.store.commit();
    const { schema, rows } = dumpOf(storage.engine);
    expect(rows.schema_version).toEqual([{ version: SCHEMA.length }]);
    expect(schema.toSorted()).toEqual(emptyItem().schema.toSorted());
  });

  test("of a newer version are left alone", () => {
    const storage = new Storage("newer");
    const { sql } = storage.binding();
    migrate(sql);
    sql.exec("UPDATE schema_version SET version = version + 1");
    migrate(sql);
    storage.store.commit();
    expect(dumpOf(storage.engine).rows.schema_version).toEqual([{ version: SCHEMA.length + 1 }]);
  });
});

function emptyItem(): Dump {
  const storage = new Storage("empty");
  migrate(storage.binding().sql);
  storage.store.commit();
  return dumpOf(storage.engine);
}

/** Every table has one column more, which today's code does not know, with a value in every row. */
function withLaterColumns(stored: Stored): Stored {
  const later = ({ schema, rows }: Dump): Dump => ({
    schema: [...schema, ...Object.keys(rows).map((table) => `ALTER TABLE ${table} ${LATER}`)],
    rows: Object.fromEntries(
      Object.entries(rows).map(([table, all]) => [
        table,
        all.map((row) => ({ ...row, later: "kept" })),
      ]),
    ),
  });
  const items = Object.entries(stored.items).map(([sku, dump]) => [sku, later(dump)] as const);
  const kept = Object.entries(stored.kept).map(
    ([path, entries]) => [path, withMember(entries)] as const,
  );
  return {
    ...stored,
    d1: later(stored.d1),
    items: Object.fromEntries(items),
    kept: Object.fromEntries(kept),
  };
}
const LATER = "ADD COLUMN later TEXT NOT NULL DEFAULT 'new'";

const withMember = (entries: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(entries).map(([key, value]) => [
      key,
      typeof value === "object" ? { ...value, later: "kept" } : value,
    ]),
  );

/** The names of rows by the value of the later column. */
function laterOf({ rows }: Dump): Record<string, string[]> {
  const named = Object.entries(rows).flatMap(([table, all]) =>
    all.map((row) => ({ name: `${table} ${Object.values(row)[0] as string}`, later: row.later })),
  );
  const groups = Map.groupBy(named, ({ later }) => String(later));
  return Object.fromEntries([...groups].map(([later, all]) => [later, all.map(({ name }) => name)]));
}

describe("on the tables of a later version", () => {
  test("no row that was there loses what today's code does not know", async () => {
    const start = await World.open();
    await day(start);
    const before = withLaterColumns(start.stored());
    const world = await World.open(before);
    await nextDay(world);
    await dayOfMoney(world);
    const after = world.stored();
    const dumps = [
      [before.d1, after.d1],
      ...Object.keys(before.items).map((sku) => [before.items[sku]!, after.items[sku]!] as const),
    ] as const;
    for (const [then, now] of dumps) {
      const kept = laterOf(then!).kept!;
      const fresh = laterOf(now!).new ?? [];
      expect(kept.length).toBeGreaterThan(0);
      expect(fresh.filter((name) => kept.includes(name))).toEqual([]);
    }
    expect(after.kept["RECONCILER reconciler"]).toMatchObject({ cursors: { later: "kept" } });
  });

  test("a whole day runs as it does without", async () => {
    const plain = await World.open();
    const start = plain.stored();
    await day(plain);
    const items = { POSTER: emptyItem(), RECORD: emptyItem(), GIFT: emptyItem() };
    const world = await World.open(withLaterColumns({ ...start, items }));
    await day(world);
    expect(lost(plain.sent, world.sent)).toEqual([]);
    expect(lost(plain.calls, world.calls)).toEqual([]);
  });
});
