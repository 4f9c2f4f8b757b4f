import { deserialize, serialize } from "node:v8";
import type { TurnStore, Vat } from "../kernel/vat.ts";
import { Engine, type Row, sqliteText } from "./sqlite.ts";

/** A Durable Object's storage: SQLite that commits with the turn, and one alarm. */

export interface StoreWatcher {
  /** After each commit that wrote something. */
  onCommit(store: ObjectStore): void;
  /** Where the turn's writes stand; `onRollback` goes back to there. */
  mark(store: ObjectStore): number;
  onRollback(store: ObjectStore, mark: number): void;
  /** Once, when the object first uses its database. */
  onOpen(store: ObjectStore): void;
}

type SqlValue = string | number | null | Uint8Array;

/** What outlives the object's incarnations. */
export class ObjectStore implements TurnStore {
  readonly name: string;
  #engine: Engine | null = null;
  #isOpen = false;
  /** When the alarm is due; null: none is set. */
  alarm_ms: number | null = null;
  #committedAlarm_ms: number | null = null;
  #savepoints = 0;
  vat: Vat | null = null;
  readonly #watcher: StoreWatcher;
  readonly #onAlarm: (at_ms: number | null) => void;

  constructor(name: string, watcher: StoreWatcher, onAlarm: (at_ms: number | null) => void) {
    this.name = name;
    this.#watcher = watcher;
    this.#onAlarm = onAlarm;
  }

  get engine(): Engine {
    if (!this.#engine) {
      this.#engine = new Engine();
      this.#engine.db.exec("CREATE TABLE _cf_KV (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID");
      this.#watcher.onOpen(this);
    }
    return this.#engine;
  }

  get isUsed(): boolean {
    return this.#engine !== null;
  }

  /** Gives the memory back: the garbage collector does not see it. */
  close(): void {
    this.#engine?.db.close();
    this.#engine = null;
  }

  /** The first write of a turn begins the transaction that ends with it. */
  begin(): void {
    this.vat?.assertAlive();
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.engine.db.exec("BEGIN");
    if (this.vat) this.vat.kernel.touch(this.vat);
  }

  commit(): boolean {
    if (!this.#isOpen) return true;
    const { vat } = this;
    const faults = vat?.kernel.faults;
    if (vat && faults?.strike("crash before object commit", this.name)) {
      vat.kill("before a commit");
      this.rollback();
      return false;
    }
    this.#isOpen = false;
    this.engine.db.exec("COMMIT");
    if (this.alarm_ms !== this.#committedAlarm_ms) {
      this.#committedAlarm_ms = this.alarm_ms;
      this.#onAlarm(this.alarm_ms);
    }
    this.#watcher.onCommit(this);
    if (vat && faults?.strike("crash after object commit", this.name)) {
      vat.kill("after a commit");
      return false;
    }
    return true;
  }

  rollback(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#savepoints = 0;
    this.engine.db.exec("ROLLBACK");
    this.alarm_ms = this.#committedAlarm_ms;
    this.#watcher.onRollback(this, 0);
  }

  /** The alarm is being delivered: until the handler sets another there is none. */
  takeAlarm(): void {
    this.alarm_ms = this.#committedAlarm_ms = null;
  }

  /** The `ctx.storage` of one incarnation. */
  storageFor(vat: Vat): object {
    const exec = (query: string, ...values: unknown[]) => new Cursor(this.#exec(query, values));
    return {
      sql: {
        exec,
        get databaseSize() {
          return 0;
        },
      },
      /** Resolves when all that was written is durable. */
      sync: () =>
        new Promise<void>((resolve) => {
          vat.post(() => vat.kernel.after(0, "", resolve));
        }),
      transactionSync: <T>(work: () => T): T => this.#transactionSync(work),
      kv: {
        get: (key: string): unknown => {
          const [row] = this.#exec("SELECT value FROM _cf_KV WHERE key = ?", [key]).rows;
          return row ? deserialize(row.value as Uint8Array) : undefined;
        },
        put: (key: string, value: unknown): void => {
          this.#exec("INSERT OR REPLACE INTO _cf_KV VALUES (?, ?)", [key, serialize(value)]);
        },
        /** Of the platform's options those that are used. */
        list: ({ startAfter = "", limit = -1 }): [string, unknown][] =>
          this.#exec("SELECT key, value FROM _cf_KV WHERE key > ? ORDER BY key LIMIT ?", [
            startAfter,
            limit,
          ]).rows.map(({ key, value }) => [String(key), deserialize(value as Uint8Array)]),
        delete: (key: string): boolean =>
          this.#exec("DELETE FROM _cf_KV WHERE key = ?", [key]).changes > 0,
      },
      getAlarm: async (): Promise<number | null> => {
        vat.assertAlive();
        return this.alarm_ms;
      },
      setAlarm: async (at: number | Date): Promise<void> => {
        this.begin();
        const at_ms = Number(at);
        if (Number.isNaN(at_ms))
          throw new TypeError("setAlarm() cannot be called with an invalid date");
        this.alarm_ms = Math.floor(at_ms);
      },
      deleteAlarm: async (): Promise<void> => {
        this.begin();
        this.alarm_ms = null;
      },
    };
  }

  #exec(query: string, values: unknown[]): { rows: Row[]; columns: string[]; changes: number } {
    this.vat?.assertAlive();
    if (/^\s*(begin|commit|rollback|savepoint|release|end)\b/i.test(query)) {
      throw new Error(
        "To execute a transaction, please use the state.storage.transaction() or state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements.",
      );
    }
    const isRead = /^\s*select/i.test(query);
    if (!isRead) this.begin();
    try {
      if (!isRead && values.length === 0 && query.includes(";")) {
        this.engine.db.exec(query);
        return { rows: [], columns: [], changes: 0 };
      }
      return this.engine.run(query, values.map(sqlValue));
    } catch (error) {
      throw new Error(sqliteText(error), { cause: error });
    }
  }

  #transactionSync<T>(work: () => T): T {
    this.begin();
    const { db } = this.engine;
    const savepoint = `simulated_${++this.#savepoints}`;
    db.exec(`SAVEPOINT ${savepoint}`);
    const mark = this.#watcher.mark(this);
    try {
      const result = work();
      db.exec(`RELEASE ${savepoint}`);
      return result;
    } catch (error) {
      if (db.isTransaction) db.exec(`ROLLBACK TO ${savepoint}; RELEASE ${savepoint}`);
      this.#watcher.onRollback(this, mark);
      throw error;
    } finally {
      this.#savepoints--;
    }
  }
}

/** What an object's SQL takes: a boolean becomes a text, `undefined` NULL. */
function sqlValue(value: unknown): SqlValue {
  if (value === undefined || value === null) return null;
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number" || typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  throw new TypeError(`cannot bind a ${typeof value}`);
}

class Cursor {
  readonly #rows: Row[];
  readonly columnNames: string[];
  readonly rowsRead: number;
  /** At least: the platform counts the rows of indexes too. */
  readonly rowsWritten: number;
  #at = 0;

  constructor({ rows, columns, changes }: { rows: Row[]; columns: string[]; changes: number }) {
    this.#rows = rows;
    this.columnNames = columns;
    this.rowsRead = rows.length;
    this.rowsWritten = changes;
  }

  next(): { done: boolean; value?: Row } {
    const value = this.#rows[this.#at++];
    return value === undefined ? { done: true } : { done: false, value };
  }

  [Symbol.iterator](): this {
    return this;
  }

  toArray(): Row[] {
    const rest = this.#rows.slice(this.#at);
    this.#at = this.#rows.length;
    return rest;
  }

  one(): Row {
    const rest = this.toArray();
    const [row] = rest;
    if (row !== undefined && rest.length === 1) return row;
    throw new Error(
      `Expected exactly one result from SQL query, but got ${rest.length === 0 ? "no results" : "multiple results"}.`,
    );
  }

  *raw(): Generator<unknown[]> {
    for (const row of this.toArray()) yield Object.values(row);
  }
}
