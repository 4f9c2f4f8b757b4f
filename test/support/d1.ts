/** One round trip to D1; the rows that its statements read and wrote. */
export interface Trip {
  sql: string[];
  rowsRead: number;
  rowsWritten: number;
}

export interface Observed {
  db: D1Database;
  trips: Trip[];
  rowsWritten: () => number;
}

export interface Faults {
  /** Before D1 sees the call: a throw here means that nothing was done. */
  before?: (sql: string[], trip: number) => void | Promise<void>;
  /** After D1 has committed: a throw here is a reply that was lost. */
  after?: (sql: string[], trip: number) => void | Promise<void>;
}

type Runner = "all" | "run" | "raw";
const RUNNERS = new Set<string | symbol>(["all", "run", "raw"] satisfies Runner[]);

/** The database with every round trip written down, and faults put in where the test wants them. */
export function observed(target: D1Database, { before, after }: Faults = {}): Observed {
  const trips: Trip[] = [];
  const originals = new WeakMap<object, { statement: D1PreparedStatement; sql: string }>();

  async function trip<T>(sql: string[], work: () => Promise<T>): Promise<T> {
    const index = trips.length;
    const own: Trip = { sql, rowsRead: 0, rowsWritten: 0 };
    trips.push(own);
    await before?.(sql, index);
    const result = await work();
    for (const one of Array.isArray(result) ? result : [result]) {
      const { meta } = (one ?? {}) as Partial<D1Result>;
      own.rowsRead += meta?.rows_read ?? 0;
      own.rowsWritten += meta?.rows_written ?? 0;
    }
    await after?.(sql, index);
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
  return {
    db,
    trips,
    rowsWritten: () => trips.reduce((sum, trip) => sum + trip.rowsWritten, 0),
  };
}

/** A database that is away. */
export const brokenDb = (target: D1Database): D1Database =>
  observed(target, {
    before() {
      throw new Error("D1_ERROR: the database is away");
    },
  }).db;
