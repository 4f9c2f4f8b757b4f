import { fence, isFenceError } from "./service.sql.ts";

/** The service is frozen, or its database was put back: nothing was changed. */
export class FrozenError extends Error {
  constructor() {
    super("the service is frozen");
    this.name = "FrozenError";
  }
}

interface FenceOptions {
  /** The least beat that the database has to have; 0: any. */
  beat: number;
  /** Recovery itself runs while the service is frozen. */
  mayBeFrozen?: boolean;
  /** Is told the beat that the database has. */
  learn?: (beat: number) => void;
}

/**
 * A database of which each call is one transaction with a fence. While the service is frozen, or when
 * the database was put back since `beat`, a call throws a `FrozenError` and changes nothing. So a
 * restore in the very middle of a pass is noticed by the pass.
 */
export function fenced(
  db: D1Database,
  { beat, mayBeFrozen = false, learn }: FenceOptions,
): D1Database {
  const inner = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const batch = async <T>(statements: D1PreparedStatement[]): Promise<D1Result<T>[]> => {
    try {
      const own = statements.map((statement) => inner.get(statement) ?? statement);
      const [held, ...results] = await db.batch<T>([fence(db, beat, mayBeFrozen), ...own]);
      const [row] = (held?.results ?? []) as { beat: number }[];
      if (row) learn?.(row.beat);
      return results;
    } catch (error) {
      throw isFenceError(error) ? new FrozenError() : error;
    }
  };
  const only = async <T>(statement: D1PreparedStatement): Promise<D1Result<T>> => {
    const [result] = await batch<T>([statement]);
    if (!result) throw new Error("no result");
    return result;
  };

  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const own = {
      bind: (...values: unknown[]) => wrap(statement.bind(...values)),
      async first<T extends Record<string, unknown>>(column?: string) {
        const row = (await only<T>(statement)).results[0] ?? null;
        return column === undefined ? row : (row?.[column] ?? null);
      },
      all: () => only(statement),
      run: () => only(statement),
    } as unknown as D1PreparedStatement;
    inner.set(own, statement);
    return own;
  }

  return { prepare: (sql: string) => wrap(db.prepare(sql)), batch } as unknown as D1Database;
}

/** The same bindings, with a fence around each call of the database. */
export const withFence = (env: OrdersEnv, beat: number): OrdersEnv => ({
  ...env,
  DB: fenced(env.DB, { beat }),
});
