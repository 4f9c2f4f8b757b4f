import { type Case, errorOf } from "./platform.ts";

const TABLE =
  "CREATE TABLE a (id TEXT PRIMARY KEY, n INTEGER CHECK (n >= 0)) STRICT, WITHOUT ROWID";

export const OBJECT_CASES: readonly Case[] = [
  {
    name: "transactionSync: what throws has changed nothing, inside another one too",
    run: ({ inObject }) =>
      inObject(({ storage }) => {
        const { sql } = storage;
        sql.exec(TABLE);
        const attempt = (work: () => void) => {
          try {
            storage.transactionSync(work);
            return "done";
          } catch (error) {
            return (error as Error).message;
          }
        };
        const failed = attempt(() => {
          sql.exec("INSERT INTO a VALUES ('one', 1)");
          storage.kv.put("key", 1);
          throw new Error("no");
        });
        const nested = attempt(() => {
          sql.exec("INSERT INTO a VALUES ('two', 2)");
          attempt(() => {
            sql.exec("INSERT INTO a VALUES ('three', 3)");
            throw new Error("inner");
          });
        });
        return {
          failed,
          nested,
          rows: sql.exec("SELECT * FROM a").toArray(),
          kv: storage.kv.get("key") ?? null,
        };
      }),
    expected: { failed: "no", nested: "done", rows: [{ id: "two", n: 2 }], kv: null },
  },
  {
    name: "constraints, and statements that are refused",
    run: ({ inObject }) =>
      inObject(async ({ storage: { sql } }) => {
        sql.exec(TABLE);
        sql.exec("INSERT INTO a VALUES ('one', 1)");
        return [
          await errorOf(() => sql.exec("INSERT INTO a VALUES ('one', 1)")),
          await errorOf(() => sql.exec("UPDATE a SET n = -1")),
          (await errorOf(() => sql.exec("BEGIN"))).slice(0, 60),
        ];
      }),
    expected: [
      "UNIQUE constraint failed: a.id: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)",
      "CHECK constraint failed: n >= 0: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_CHECK)",
      "To execute a transaction, please use the state.storage.trans",
    ],
  },
  {
    name: "a cursor is read once, by whatever means",
    run: ({ inObject }) =>
      inObject(async ({ storage: { sql } }) => {
        sql.exec(TABLE);
        const written = sql.exec("INSERT INTO a VALUES ('one', 1), ('two', 2)").rowsWritten;
        const all = "SELECT * FROM a ORDER BY id";
        const [first] = sql.exec(all);
        const cursor = sql.exec(all);
        const next = cursor.next();
        return {
          written: written >= 2,
          first,
          next,
          rest: cursor.toArray(),
          end: cursor.next().done,
          columns: sql.exec(all).columnNames,
          raw: [...sql.exec(all).raw()],
          one: sql.exec("SELECT n FROM a WHERE id = 'one'").one(),
          many: await errorOf(() => sql.exec(all).one()),
          none: await errorOf(() => sql.exec("SELECT n FROM a WHERE id = ''").one()),
        };
      }),
    expected: {
      written: true,
      first: { id: "one", n: 1 },
      next: { done: false, value: { id: "one", n: 1 } },
      rest: [{ id: "two", n: 2 }],
      end: true,
      columns: ["id", "n"],
      raw: [
        ["one", 1],
        ["two", 2],
      ],
      one: { n: 1 },
      many: "Expected exactly one result from SQL query, but got multiple results.",
      none: "Expected exactly one result from SQL query, but got no results.",
    },
  },
  {
    name: "values are bound by their type, and one exec may hold many statements",
    run: ({ inObject }) =>
      inObject(({ storage: { sql } }) => {
        sql.exec("CREATE TABLE x (v); CREATE TABLE y (v); INSERT INTO y VALUES (1)");
        sql.exec(
          "INSERT INTO x VALUES (?), (?), (?), (?)",
          1,
          true as never,
          undefined as never,
          "x",
        );
        return [
          sql.exec("SELECT typeof(v) AS t, v FROM x").toArray(),
          sql.exec("SELECT * FROM y").toArray(),
        ];
      }),
    expected: [
      [
        { t: "real", v: 1 },
        { t: "text", v: "true" },
        { t: "null", v: null },
        { t: "text", v: "x" },
      ],
      [{ v: 1 }],
    ],
  },
  {
    name: "kv keeps what can be cloned",
    run: ({ inObject }) =>
      inObject(({ storage: { kv } }) => {
        kv.put("map", { map: new Map([["a", new Date(5)]]), list: [1, undefined] });
        kv.put("gone", 1);
        const found = kv.get<{ map: Map<string, Date>; list: unknown[] }>("map");
        return [
          found?.map.get("a")?.getTime(),
          found?.list.length,
          kv.delete("gone"),
          kv.delete("gone"),
          kv.get("gone") ?? null,
        ];
      }),
    expected: [5, 2, true, false, null],
  },
  {
    name: "calls clone their values, and errors come with name and message",
    run: async ({ probe }, id) => {
      const object = probe(id);
      const value = { list: [1, null], date: new Date(7), map: new Map([["a", 1]]) };
      const echoed = (await object.echo(value)) as typeof value;
      const error = async (kind: "Error" | "RangeError" | "named") => {
        try {
          await object.throws(kind);
          return null;
        } catch (thrown) {
          const { name, message, remote, code } = thrown as Error & {
            remote?: boolean;
            code?: string;
          };
          return {
            name,
            message,
            remote,
            isRange: thrown instanceof RangeError,
            code: code ?? null,
          };
        }
      };
      return [
        echoed === value,
        echoed.date.getTime(),
        echoed.map.get("a"),
        await error("Error"),
        await error("RangeError"),
        await error("named"),
      ];
    },
    expected: [
      false,
      7,
      1,
      { name: "Error", message: "thrown", remote: true, isRange: false, code: null },
      { name: "RangeError", message: "out of range", remote: true, isRange: true, code: null },
      { name: "NamedError", message: "thrown", remote: true, isRange: false, code: "E_NAMED" },
    ],
  },
];
