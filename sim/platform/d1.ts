import type { SQLInputValue } from "node:sqlite";
import type { Reply, Vat } from "../kernel/vat.ts";
import { type Engine, type Ran, sqliteText } from "./sqlite.ts";

/** D1: one database, one transaction at a time, each call a round trip that can go wrong. */

export interface D1Watcher {
  /** So many statements in one call. */
  onCall?(statements: number): void;
  onCommit(): void;
  onRollback(): void;
}

type Value = SQLInputValue;
interface Bound {
  sql: string;
  values: readonly Value[];
}

const MAX_PARAMETERS = 100;
const TOO_MANY = Object.assign(new Error("too many SQL variables"), { errcode: 1 });
const LOST = "D1_ERROR: Network connection lost.";

export class SimD1 {
  readonly engine: Engine;
  readonly #watcher: D1Watcher;
  commits = 0;

  constructor(engine: Engine, watcher: D1Watcher) {
    this.engine = engine;
    this.#watcher = watcher;
    this.engine.db.exec("PRAGMA foreign_keys = ON");
  }

  /** All statements in one transaction; throws as D1 does, and then nothing has changed. */
  transact(statements: readonly Bound[]): object[] {
    const { db } = this.engine;
    this.#watcher.onCall?.(statements.length);
    db.exec("BEGIN IMMEDIATE");
    let results: object[];
    try {
      if (statements.some(({ values }) => values.length > MAX_PARAMETERS)) throw TOO_MANY;
      results = statements.map(({ sql, values }) => resultOf(this.engine.run(sql, values)));
      db.exec("COMMIT");
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      this.#watcher.onRollback();
      throw new Error(`D1_ERROR: ${sqliteText(error)}`, { cause: error });
    }
    this.commits++;
    this.#watcher.onCommit();
    return results;
  }

  /** The binding as one vat holds it. */
  binding(vat: Vat): D1Database {
    return new Binding(this, vat) as unknown as D1Database;
  }
}

function resultOf({ rows, changes, isWrite }: Ran): object {
  const meta = {
    duration: 0,
    changes,
    // The engine does not tell what it read, nor what it wrote in indexes: at least the rows.
    rows_read: rows.length,
    rows_written: changes,
    changed_db: isWrite && changes > 0,
    served_by: "simulation",
  };
  return { success: true, results: rows, meta };
}

class Binding {
  readonly #d1: SimD1;
  readonly #vat: Vat;

  constructor(d1: SimD1, vat: Vat) {
    this.#d1 = d1;
    this.#vat = vat;
  }

  prepare(sql: string): Statement {
    return new Statement(this, sql, []);
  }

  async batch(statements: readonly Statement[]): Promise<object[]> {
    return this.call(statements.map(({ bound }) => bound));
  }

  call(statements: readonly Bound[]): Promise<object[]> {
    const { faults } = this.#vat.kernel;
    const label = `${this.#vat.name} → D1 ${nameOf(statements)}`;
    const slow = faults.strike("D1 slow", label) ? this.#vat.kernel.slow_ms(this.#vat.name) : 0;
    return this.#vat.remote<object[]>(
      label,
      (reply) => this.#arrive(statements, label, reply),
      slow,
    );
  }

  #arrive(statements: readonly Bound[], label: string, reply: Reply<object[]>): void {
    const vat = this.#vat;
    const { faults } = vat.kernel;
    if (faults.strike("D1 error before commit", label)) return reply.fail(new Error(LOST));
    if (vat.isAlive && faults.strike("crash before D1 commit", label))
      return vat.kill("before a D1 commit");
    let results: object[];
    try {
      results = this.#d1.transact(statements);
    } catch (error) {
      return reply.fail(error as Error);
    }
    if (vat.isAlive && faults.strike("crash after D1 commit", label))
      return vat.kill("after a D1 commit");
    if (faults.strike("D1 error after commit", label)) return reply.fail(new Error(LOST));
    reply.ok(results);
  }
}

class Statement {
  readonly #binding: Binding;
  readonly bound: Bound;

  constructor(binding: Binding, sql: string, values: readonly Value[]) {
    this.#binding = binding;
    this.bound = { sql, values };
  }

  bind(...values: unknown[]): Statement {
    return new Statement(this.#binding, this.bound.sql, values.map(valueOf));
  }

  async all(): Promise<object> {
    const [result] = await this.#binding.call([this.bound]);
    return result as object;
  }

  run(): Promise<object> {
    return this.all();
  }

  async first(column?: string): Promise<unknown> {
    const { results } = (await this.all()) as { results: Record<string, unknown>[] };
    const [row] = results;
    if (row === undefined) return null;
    if (column === undefined) return row;
    if (column in row) return row[column];
    throw new Error(`D1_COLUMN_NOTFOUND: Column not found (${column})`);
  }

  async raw(): Promise<unknown[][]> {
    const { results } = (await this.all()) as { results: Record<string, unknown>[] };
    return results.map((row) => Object.values(row));
  }
}

/** D1 takes a boolean as 1 or 0, and refuses `undefined`. */
function valueOf(value: unknown): Value {
  if (typeof value === "boolean") return value ? 1 : 0;
  if (value === null || typeof value === "number" || typeof value === "string") return value;
  if (value instanceof Uint8Array) return value;
  throw new Error(
    // oxlint-disable-next-line typescript/no-base-to-string -- D1 says it in these words
    `D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${String(value)}'`,
  );
}

/** A few words for the history: verbs and tables. */
const names = new Map<string, string>();
function nameOf(statements: readonly Bound[]): string {
  return statements
    .map(({ sql }) => {
      let name = names.get(sql);
      if (name === undefined) {
        const verb = /\w+/.exec(sql)?.[0] ?? "";
        const table = /\b(?:into|from|update)\s+(?!json_each|\()(\w+)/i.exec(sql)?.[1] ?? "";
        names.set(sql, (name = `${verb.toLowerCase()} ${table}`));
      }
      return name;
    })
    .join(", ");
}
