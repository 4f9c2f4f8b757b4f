import type { SQLInputValue } from "node:sqlite";
import type { Vat } from "../../../sim/kernel/vat.ts";
import { SimD1 } from "../../../sim/platform/d1.ts";
import { Engine } from "../../../sim/platform/sqlite.ts";
import { ObjectStore } from "../../../sim/platform/storage.ts";

/** The simulation's databases and storage without its scheduler and faults: every call is made at once. */

/** A statement as it was run. */
export interface Ran {
  sql: string;
  values: unknown[];
}

const alive = {
  name: "compat",
  isAlive: true,
  assertAlive: () => {},
  kernel: { faults: { strike: () => false } },
  remote: <T>(_label: string, arrive: (reply: object) => void) =>
    new Promise<T>((ok, fail) => arrive({ ok, fail })),
} as unknown as Vat;

const ignored = {
  onCommit: () => {},
  onRollback: () => {},
  mark: () => 0,
  onOpen: () => {},
};

/** D1 that tells `onRun` of every statement. */
class RecordedD1 extends SimD1 {
  readonly #onRun: (ran: Ran) => void;

  constructor(engine: Engine, onRun: (ran: Ran) => void) {
    super(engine, ignored);
    this.#onRun = onRun;
  }

  override transact(statements: { sql: string; values: readonly SQLInputValue[] }[]): object[] {
    for (const { sql, values } of statements) this.#onRun({ sql, values: [...values] });
    return super.transact(statements);
  }
}

export function d1On(engine: Engine, onRun: (ran: Ran) => void): D1Database {
  return new RecordedD1(engine, onRun).binding(alive);
}

/** The storage of one Durable Object, with what the tests look at. */
export class Storage {
  /** What is kept by key, as it was last written. */
  readonly kept = new Map<string, unknown>();
  readonly store: ObjectStore;
  readonly #onRun: (ran: Ran) => void;

  constructor(name: string, onRun: (ran: Ran) => void = () => {}) {
    this.store = new ObjectStore(name, ignored, () => {});
    this.#onRun = onRun;
  }

  get engine(): Engine {
    return this.store.engine;
  }

  /** `ctx.storage`. */
  binding(): DurableObjectStorage {
    const inner = this.store.storageFor(alive) as DurableObjectStorage;
    const exec = (sql: string, ...values: unknown[]) => {
      this.#onRun({ sql, values });
      return inner.sql.exec(sql, ...(values as SqlStorageValue[]));
    };
    const put = (key: string, value: unknown): void => {
      this.kept.set(key, value);
      inner.kv.put(key, value);
    };
    const kv = { ...inner.kv, put };
    return { ...inner, sql: { exec }, kv } as unknown as DurableObjectStorage;
  }
}

/** A database as rows: every table's definition and content, by its name. */
export interface Dump {
  schema: string[];
  rows: Record<string, Record<string, unknown>[]>;
}

/** `_cf_` tables are the platform's own. */
export function dumpOf({ db }: Engine): Dump {
  const objects = db
    .prepare(
      `SELECT type, name, sql FROM sqlite_master
       WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY rowid`,
    )
    .all() as { type: string; name: string; sql: string }[];
  const tables = objects.filter(({ type }) => type === "table");
  return {
    schema: objects.map(({ sql }) => sql),
    rows: Object.fromEntries(
      tables.map(({ name }) => [
        name,
        db
          .prepare(`SELECT * FROM ${name}`)
          .all()
          .map((row) => ({ ...row })),
      ]),
    ),
  };
}

/** Makes the database of a dump. */
export function restore({ db }: Engine, { schema, rows }: Dump): void {
  for (const sql of schema) db.exec(sql);
  for (const [table, all] of Object.entries(rows)) {
    for (const row of all) {
      const columns = Object.keys(row);
      db.prepare(
        `INSERT INTO ${table} (${columns.join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
      ).run(...(Object.values(row) as SQLInputValue[]));
    }
  }
}
