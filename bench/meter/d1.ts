import { type ActiveTime, tally } from "./counts.ts";
import { traced } from "./trace.ts";

const RUNNERS = new Set<string | symbol>(["first", "all", "run", "raw"]);

/** The database with its round trips counted, and the rows that D1 says each statement took. */
export function meteredD1(target: D1Database, who: string, active?: ActiveTime): D1Database {
  const originals = new WeakMap<object, D1PreparedStatement>();

  async function trip<T>(work: () => Promise<T>): Promise<T> {
    tally("d1.trips", who);
    const result = await traced(who, "D1", () => (active ? active.during(work) : work()));
    for (const one of Array.isArray(result) ? result : [result]) {
      const { meta } = one as Partial<D1Result>;
      tally("d1.rowsRead", who, meta?.rows_read ?? 0);
      tally("d1.rowsWritten", who, meta?.rows_written ?? 0);
    }
    return result;
  }

  function wrap(statement: D1PreparedStatement): D1PreparedStatement {
    const proxy = new Proxy(statement, {
      get(inner, name) {
        if (name === "bind") return (...values: unknown[]) => wrap(inner.bind(...values));
        // `first` hides its meta, so it is done by `all`.
        if (name === "first") {
          return async () => (await trip(() => inner.all())).results[0] ?? null;
        }
        const method: unknown = Reflect.get(inner, name);
        if (typeof method !== "function") return method;
        if (!RUNNERS.has(name)) return method.bind(inner);
        return (...values: unknown[]) =>
          trip(() => Reflect.apply(method, inner, values) as Promise<unknown>);
      },
    });
    originals.set(proxy, statement);
    return proxy;
  }

  return new Proxy(target, {
    get(inner, name) {
      if (name === "prepare") return (sql: string) => wrap(inner.prepare(sql));
      if (name === "batch") {
        return (statements: D1PreparedStatement[]) =>
          trip(() => inner.batch(statements.map((one) => originals.get(one) ?? one)));
      }
      const value: unknown = Reflect.get(inner, name);
      return typeof value === "function" ? value.bind(inner) : value;
    },
  });
}
