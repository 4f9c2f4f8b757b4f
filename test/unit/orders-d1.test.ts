import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  D1_TIMEOUT_MS,
  isUnavailable,
  isTransient,
  timeLimited,
  withTimeLimits,
} from "../../src/orders/database/d1.ts";
import { TimeoutError } from "../../src/runtime/timeout.ts";

/** A database that notes what reaches it; it answers with the SQL, or never. */
function stub({ isSilent = false } = {}) {
  const reached: unknown[] = [];
  const answer = <T>(what: T): Promise<T> => {
    reached.push(what);
    return isSilent ? new Promise<T>(() => undefined) : Promise.resolve(what);
  };
  const statement = (sql: string, values: unknown[] = []): object => ({
    sql,
    bind: (...bound: unknown[]) => statement(sql, bound),
    first: (column?: string) => answer(["first", sql, ...values, column]),
    all: () => answer(["all", sql, ...values]),
    run: () => answer(["run", sql, ...values]),
    raw: () => answer(["raw", sql, ...values]),
  });
  const db = {
    prepare: (sql: string) => statement(sql),
    batch: (all: { sql: string }[]) => answer(["batch", ...all.map(({ sql }) => sql)]),
  };
  return { db: db as unknown as D1Database, reached };
}

describe("a database with a time limit", () => {
  test("passes every call on, and its answer back", async () => {
    const { db, reached } = stub();
    const limited = timeLimited(db);
    const one = limited.prepare("ONE").bind(1, "a");
    await Promise.all([one.first(), one.first("x"), one.all(), one.run(), one.raw()]);
    await limited.batch([one, limited.prepare("TWO")]);
    expect(reached).toEqual([
      ["first", "ONE", 1, "a", undefined],
      ["first", "ONE", 1, "a", "x"],
      ["all", "ONE", 1, "a"],
      ["run", "ONE", 1, "a"],
      ["raw", "ONE", 1, "a"],
      ["batch", "ONE", "TWO"],
    ]);
    expect(await one.all()).toEqual(["all", "ONE", 1, "a"]);
  });

  describe("that never answers", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());

    test.each([
      ["first", (db: D1Database) => db.prepare("ONE").first()],
      ["all", (db: D1Database) => db.prepare("ONE").bind(1).all()],
      ["run", (db: D1Database) => db.prepare("ONE").run()],
      ["raw", (db: D1Database) => db.prepare("ONE").raw()],
      ["batch", (db: D1Database) => db.batch([db.prepare("ONE")])],
    ])("%s throws a TimeoutError at the limit", async (_, call) => {
      const { db } = stub({ isSilent: true });
      const ended = call(timeLimited(db)).catch((error: unknown) => error);
      await vi.advanceTimersByTimeAsync(D1_TIMEOUT_MS);
      expect(await ended).toBeInstanceOf(TimeoutError);
    });
  });

  test("is made once for an env, and not again around itself", () => {
    const env = { DB: stub().db, DESKS: "1" } as OrdersEnv;
    const limited = withTimeLimits(env);
    expect(limited.DESKS).toBe("1");
    expect(withTimeLimits(env)).toBe(limited);
    expect(withTimeLimits(limited)).toBe(limited);
  });
});

describe("which errors may pass by themselves", () => {
  test.each([
    ["D1_ERROR: database is locked: SQLITE_BUSY", true, true],
    ["D1_ERROR: D1 DB is overloaded. Requests queued for too long.", true, true],
    ["Network connection lost.", true, true],
    ["D1_ERROR: database or disk is full: SQLITE_FULL", false, true],
    ["D1_ERROR: UNIQUE constraint failed: a.id: SQLITE_CONSTRAINT (extended: …)", false, false],
    ["D1_ERROR: no such column: priec: SQLITE_ERROR", false, false],
    ["D1_ERROR: too many SQL variables at offset 5: SQLITE_ERROR", false, false],
    ["Cannot read properties of undefined", false, false],
    ["Maximum call stack size exceeded", false, false],
    ["cache.reset is not a function", false, false],
    ["Durable Object reset because its code was updated.", true, true],
    ["internal error; reference = k34k0qaealp9f29v9ndqpkv1", true, true],
  ])("%s: away %s, passing %s", (text, away, passing) => {
    expect([isUnavailable(new Error(text)), isTransient(new Error(text))]).toEqual([away, passing]);
  });

  test("an object that is overloaded or was reset", () => {
    expect(isTransient(Object.assign(new Error("busy"), { overloaded: true }))).toBe(true);
    expect(isTransient(Object.assign(new Error("gone"), { retryable: true }))).toBe(true);
  });
});
