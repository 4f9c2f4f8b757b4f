import { errorText } from "../../runtime/log.ts";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { FrozenError } from "./fenced.ts";

/** D1 itself stops a statement after 30 s (D1 limits). No caller here waits that long. */
export const D1_TIMEOUT_MS = 10_000;

/**
 * A database with a time limit on each call. A call that exceeds it throws a `TimeoutError`, and D1
 * may still execute it.
 */
export function timeLimited(db: D1Database, limit_ms = D1_TIMEOUT_MS): D1Database {
  const inner = new WeakMap<D1PreparedStatement, D1PreparedStatement>();
  const call = <T>(work: () => Promise<T>): Promise<T> => withTimeout(limit_ms, work, "D1");

  function limited(statement: D1PreparedStatement): D1PreparedStatement {
    const own = {
      bind: (...values: unknown[]) => limited(statement.bind(...values)),
      first: (column?: string) =>
        call(() => (column === undefined ? statement.first() : statement.first(column))),
      all: () => call(() => statement.all()),
      run: () => call(() => statement.run()),
      raw: (options?: { columnNames?: false }) => call(() => statement.raw(options)),
    } as D1PreparedStatement;
    inner.set(own, statement);
    return own;
  }

  return {
    prepare: (sql: string) => limited(db.prepare(sql)),
    batch: (statements: D1PreparedStatement[]) =>
      call(() => db.batch(statements.map((statement) => inner.get(statement) ?? statement))),
  } as D1Database;
}

const limitedEnvs = new WeakMap<OrdersEnv, OrdersEnv>();

/** The same bindings with time limits on the database. Made once per env. */
export function withTimeLimits(env: OrdersEnv): OrdersEnv {
  let limited = limitedEnvs.get(env);
  if (limited === undefined) {
    limited = { ...env, DB: timeLimited(env.DB) };
    limitedEnvs.set(env, limited);
    limitedEnvs.set(limited, limited);
  }
  return limited;
}

/** D1's messages when it is busy, moved or reset (D1 "Error list"). */
const D1_UNAVAILABLE =
  /D1_ERROR.*(SQLITE_BUSY|overloaded|connection lost|network|reset|timed? ?out|internal error|exceeded)/is;
/** The platform's own messages in those cases. No error of a program has these words. */
const PLATFORM_UNAVAILABLE =
  /network connection lost|is overloaded|object (to be )?reset|internal error; reference/i;
/** A wrong statement fails however often it is repeated. */
const WRONG_STATEMENT =
  /SQLITE_(CONSTRAINT|ERROR|MISMATCH|TOOBIG|RANGE|MISUSE)|too many SQL variables|D1_TYPE_ERROR/;

/** Whether the database or the object as a whole is busy or unavailable, whatever the call. */
export function isUnavailable(error: unknown): boolean {
  if (error instanceof TimeoutError || error instanceof FrozenError) return true;
  if (!(error instanceof Error)) return false;
  if ("overloaded" in error || "retryable" in error) return true;
  const text = errorText(error);
  return D1_UNAVAILABLE.test(text) || PLATFORM_UNAVAILABLE.test(text);
}

/** Whether the same call may succeed a moment later: after any D1 error but a wrong statement. */
export function isTransient(error: unknown): boolean {
  const text = errorText(error);
  return isUnavailable(error) || (text.includes("D1_ERROR") && !WRONG_STATEMENT.test(text));
}
