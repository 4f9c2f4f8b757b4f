import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/** SQLite in memory, with its statements kept prepared. */

export type Row = Record<string, unknown>;

export interface Ran {
  rows: Row[];
  columns: string[];
  changes: number;
  isWrite: boolean;
}

interface Prepared {
  statement: StatementSync;
  columns: string[];
  isWrite: boolean;
}

/** SQLite's extended result codes, as D1 and Durable Objects spell them in their errors. */
const CODES: Record<number, string> = {
  275: "SQLITE_CONSTRAINT_CHECK",
  787: "SQLITE_CONSTRAINT_FOREIGNKEY",
  1299: "SQLITE_CONSTRAINT_NOTNULL",
  1555: "SQLITE_CONSTRAINT_PRIMARYKEY",
  1811: "SQLITE_CONSTRAINT_TRIGGER",
  2067: "SQLITE_CONSTRAINT_UNIQUE",
  2579: "SQLITE_CONSTRAINT_ROWID",
  3091: "SQLITE_CONSTRAINT_DATATYPE",
};

export class Engine {
  readonly db = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, Prepared>();
  #changes: StatementSync | undefined;

  run(sql: string, values: readonly SQLInputValue[]): Ran {
    const { statement, columns, isWrite } = this.#prepare(sql);
    if (columns.length === 0) {
      const { changes } = statement.run(...values);
      return { rows: [], columns, changes: isWrite ? Number(changes) : 0, isWrite };
    }
    const rows = statement.all(...values).map((row) => ({ ...row }));
    if (!isWrite) return { rows, columns, changes: 0, isWrite };
    this.#changes ??= this.db.prepare("SELECT changes() AS n");
    return { rows, columns, changes: Number(this.#changes.get()?.n), isWrite };
  }

  #prepare(sql: string): Prepared {
    const known = this.#prepared.get(sql);
    if (known) return known;
    const statement = this.db.prepare(sql);
    const columns = statement.columns().map(({ name }) => name);
    const isWrite =
      /^\s*(insert|update|delete|replace)/i.test(sql) ||
      /^\s*with\b.*\b(insert|update|delete)\b/is.test(sql);
    const made = { statement, columns, isWrite };
    this.#prepared.set(sql, made);
    return made;
  }
}

interface SqliteError extends Error {
  errcode: number;
}

const isSqliteError = (error: unknown): error is SqliteError =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number";

/** `UNIQUE constraint failed: a.id: SQLITE_CONSTRAINT (extended: …)`, the platform's form. */
export function sqliteText(error: unknown): string {
  if (!isSqliteError(error)) return error instanceof Error ? error.message : String(error);
  const extended = CODES[error.errcode];
  const code = extended
    ? `SQLITE_CONSTRAINT (extended: ${extended})`
    : error.errcode === 1
      ? "SQLITE_ERROR"
      : `SQLITE_${error.errcode}`;
  return `${error.message}: ${code}`;
}
