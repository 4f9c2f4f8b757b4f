/** One round trip to D1; the rows that its statements read. */
export interface Trip {
  sql: string[];
  rowsRead: number;
}

const RUNNERS = new Set<string | symbol>(["first", "all", "run", "raw"]);

/** The database with every round trip written down. */
export function observed(target: D1Database): { db: D1Database; trips: Trip[] } {
  const trips: Trip[] = [];
  const originals = new WeakMap<object, { statement: D1PreparedStatement; sql: string }>();

  async function trip<T>(sql: string[], work: () => Promise<T>): Promise<T> {
    const own: Trip = { sql, rowsRead: 0 };
    trips.push(own);
    const result = await work();
    for (const one of Array.isArray(result) ? result : [result]) {
      own.rowsRead += (one as Partial<D1Result> | null)?.meta?.rows_read ?? 0;
    }
    return result;
  }

  function wrap(statement: D1PreparedStatement, sql: string): D1PreparedStatement {
    const proxy = new Proxy(statement, {
      get(inner, name) {
        if (name === "bind") return (...values: unknown[]) => wrap(inner.bind(...values), sql);
        // `first` hides its meta, so it is done by `all`.
        if (name === "first") {
          return async () => (await trip([sql], () => inner.all())).results[0] ?? null;
        }
        const method: unknown = Reflect.get(inner, name);
        if (typeof method !== "function") return method;
        if (!RUNNERS.has(name)) return method.bind(inner);
        return (...values: unknown[]) =>
          trip([sql], () => Reflect.apply(method, inner, values) as Promise<unknown>);
      },
    });
    originals.set(proxy, { statement, sql });
    return proxy;
  }

  const db = new Proxy(target, {
    get(inner, name) {
      if (name === "prepare") return (sql: string) => wrap(inner.prepare(sql), sql);
      if (name === "batch") {
        return (statements: D1PreparedStatement[]) => {
          const known = statements.map((one) => originals.get(one));
          return trip(
            known.map((one) => one?.sql ?? ""),
            () => inner.batch(known.flatMap((one) => (one ? [one.statement] : []))),
          );
        };
      }
      const value: unknown = Reflect.get(inner, name);
      return typeof value === "function" ? value.bind(inner) : value;
    },
  });
  return { db, trips };
}
