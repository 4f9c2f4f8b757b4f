import { type Case, errorOf, type Platform } from "./platform.ts";

const TABLES = [
  `CREATE TABLE a (id TEXT PRIMARY KEY, n INTEGER CHECK (n >= 0), t TEXT NOT NULL DEFAULT '') STRICT, WITHOUT ROWID`,
  `CREATE TABLE b (id INTEGER PRIMARY KEY, u TEXT UNIQUE, a TEXT REFERENCES a (id)) STRICT`,
  `CREATE TABLE any_type (v)`,
];

async function tables({ db }: Platform): Promise<D1Database> {
  await db.batch(
    ["a", "b", "any_type"].toReversed().map((name) => db.prepare(`DROP TABLE IF EXISTS ${name}`)),
  );
  await db.batch(TABLES.map((sql) => db.prepare(sql)));
  await db.prepare("INSERT INTO a (id, n) VALUES ('one', 1), ('two', 2)").run();
  return db;
}

const rows = async (db: D1Database, sql: string): Promise<unknown> =>
  (await db.prepare(sql).all()).results;

export const D1_CASES: readonly Case[] = [
  {
    name: "a batch is one transaction: when a statement fails nothing has happened",
    run: async (platform) => {
      const db = await tables(platform);
      const error = await errorOf(() =>
        db.batch([
          db.prepare("UPDATE a SET n = 9"),
          db.prepare("INSERT INTO a (id) VALUES ('one')"),
        ]),
      );
      return { error, rows: await rows(db, "SELECT id, n FROM a ORDER BY id") };
    },
    expected: {
      error:
        "D1_ERROR: UNIQUE constraint failed: a.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)",
      rows: [
        { id: "one", n: 1 },
        { id: "two", n: 2 },
      ],
    },
  },
  {
    name: "constraints say their names",
    run: async (platform) => {
      const db = await tables(platform);
      const errors: string[] = [];
      for (const sql of [
        "INSERT INTO b (u) VALUES ('x'), ('x')",
        "INSERT INTO b (a) VALUES ('none')",
        "UPDATE a SET n = -1",
        "UPDATE a SET t = NULL",
        "UPDATE a SET n = 'text'",
      ]) {
        errors.push(await errorOf(() => db.prepare(sql).run()));
      }
      return errors;
    },
    expected: [
      "D1_ERROR: UNIQUE constraint failed: b.u: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
      "D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
      "D1_ERROR: CHECK constraint failed: n >= 0: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_CHECK)",
      "D1_ERROR: NOT NULL constraint failed: a.t: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_NOTNULL)",
      "D1_ERROR: cannot store TEXT value in INTEGER column a.n: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_DATATYPE)",
    ],
  },
  {
    name: "SQL that is none is an error of D1",
    run: async (platform) => {
      const db = await tables(platform);
      const errors = [
        await errorOf(() => db.prepare("SELEKT 1").run()),
        await errorOf(() => db.prepare("SELECT * FROM nowhere").run()),
      ];
      return errors.map((error) => error.replace(/ at offset \d+/, ""));
    },
    expected: [
      'D1_ERROR: near "SELEKT": syntax error: SQLITE_ERROR',
      "D1_ERROR: no such table: nowhere: SQLITE_ERROR",
    ],
  },
  {
    name: "meta.changes counts rows that changed, for every kind of statement",
    run: async (platform) => {
      const db = await tables(platform);
      const statements = [
        "INSERT INTO a (id) VALUES ('three'), ('four')",
        "INSERT INTO a (id) VALUES ('one') ON CONFLICT DO NOTHING",
        "INSERT INTO a (id, n) VALUES ('one', 5), ('five', 5) ON CONFLICT (id) DO UPDATE SET n = excluded.n",
        "UPDATE a SET n = 7 WHERE id = 'one'",
        "UPDATE a SET n = 7 WHERE id = 'nobody'",
        "UPDATE a SET n = 8 WHERE n IS NOT NULL RETURNING id",
        "UPDATE a SET n = 8 WHERE id = 'nobody' RETURNING id",
        "SELECT * FROM a",
        "DELETE FROM a WHERE id IN ('three', 'four')",
      ];
      const results = await db.batch(statements.map((sql) => db.prepare(sql)));
      return results.map(({ meta, success, results: found }) => [
        meta.changes,
        success,
        found.length,
      ]);
    },
    expected: [
      [2, true, 0],
      [0, true, 0],
      [2, true, 0],
      [1, true, 0],
      [0, true, 0],
      [3, true, 3],
      [0, true, 0],
      [0, true, 5],
      [2, true, 0],
    ],
  },
  {
    name: "what was written counts at least the rows, and what was read has none",
    run: async (platform) => {
      const db = await tables(platform);
      const written = (await db.prepare("UPDATE a SET n = 3").run()).meta;
      const read = (await db.prepare("SELECT * FROM a").run()).meta;
      return [written.rows_written >= 2, written.changed_db, read.rows_written, read.changed_db];
    },
    expected: [true, true, 0, false],
  },
  {
    name: "values are bound by their type",
    run: async (platform) => {
      const db = await tables(platform);
      await db
        .prepare("INSERT INTO any_type VALUES (?), (?), (?), (?)")
        .bind(1, true, null, "x")
        .run();
      const types = await rows(db, "SELECT typeof(v) AS t, v FROM any_type");
      await db.prepare("UPDATE a SET n = ? WHERE id = 'one'").bind(4).run();
      return { types, stored: await rows(db, "SELECT typeof(n) AS t, n FROM a WHERE id = 'one'") };
    },
    expected: {
      types: [
        { t: "real", v: 1 },
        { t: "real", v: 1 },
        { t: "null", v: null },
        { t: "text", v: "x" },
      ],
      stored: [{ t: "integer", n: 4 }],
    },
  },
  {
    name: "undefined and a hundred and first parameter are refused",
    run: async (platform) => {
      const db = await tables(platform);
      const many = Array.from({ length: 101 }, () => "?").join(", ");
      return [
        await errorOf(() => db.prepare("SELECT ?").bind(undefined).run()),
        (
          await errorOf(() =>
            db
              .prepare(`SELECT ${many}`)
              .bind(...Array.from({ length: 101 }, () => 1))
              .run(),
          )
        ).replace(/ at offset \d+/, ""),
      ];
    },
    expected: [
      "D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'",
      "D1_ERROR: too many SQL variables: SQLITE_ERROR",
    ],
  },
  {
    name: "first, raw and a column by name",
    run: async (platform) => {
      const db = await tables(platform);
      const one = db.prepare("SELECT id, n FROM a WHERE id = ?");
      return [
        await one.bind("one").first(),
        await one.bind("nobody").first(),
        await one.bind("two").first("n"),
        await errorOf(() => one.bind("two").first("nothing")),
        await db.prepare("SELECT id, n FROM a ORDER BY id").raw(),
      ];
    },
    expected: [
      { id: "one", n: 1 },
      null,
      2,
      "D1_COLUMN_NOTFOUND: Column not found (nothing)",
      [
        ["one", 1],
        ["two", 2],
      ],
    ],
  },
  {
    name: "the statements of a batch see each other, and the SQL the code is written in works",
    run: async (platform) => {
      const db = await tables(platform);
      const [, updated, deleted, found] = await db.batch([
        db
          .prepare("INSERT INTO a (id, n) SELECT value->>'id', value->>'n' FROM json_each(?1)")
          .bind('[{"id":"six","n":6}]'),
        db
          .prepare(
            "UPDATE a SET n = e.n, t = json_insert('[1]', '$[#]', CAST(?2 AS INTEGER)) FROM (SELECT value->>'id' AS id, value->>'n' AS n FROM json_each(?1)) AS e WHERE a.id = e.id RETURNING a.id, n, t",
          )
          .bind('[{"id":"six","n":66}]', 2),
        db.prepare("DELETE FROM a WHERE (id, n) IN (SELECT id, n FROM a WHERE n < 2) RETURNING id"),
        db.prepare("SELECT id, 5000 << min(n, 2) AS shifted FROM a ORDER BY id"),
      ]);
      return [updated?.results, deleted?.results, found?.results];
    },
    expected: [
      [{ id: "six", n: 66, t: "[1,2]" }],
      [{ id: "one" }],
      [
        { id: "six", shifted: 20_000 },
        { id: "two", shifted: 20_000 },
      ],
    ],
  },
];
