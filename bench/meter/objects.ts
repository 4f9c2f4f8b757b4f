import { ActiveTime, tally } from "./counts.ts";
import type { WrapEnv } from "./worker.ts";

/** What the meter adds to an object: standing in for time that a count does not wait for. */
export interface Metered {
  /** Loses all memory, as an object does that nobody has called for a while. */
  forget(): void;
  /** Rings the alarm now, before its time. */
  ring(): Promise<void>;
  /** What the cron does with the reconciler, counted as its call. */
  poke(): Promise<void>;
  /** Runs SQL on the object's tables, uncounted: to fill them. */
  fill(sql: string): Promise<void>;
}

type ObjectClass = new (context: DurableObjectState, env: object) => object;

/** The class with its calls, alarms, rows and active time counted. */
export function meteredObject<C>(original: C, who: string, wrapEnv: WrapEnv): C {
  const Original = original as unknown as ObjectClass;
  const prototype = Original.prototype as Record<string, unknown>;

  class MeteredObject extends Original implements Metered {
    readonly #context: DurableObjectState;
    readonly #rows: Rows;
    readonly #active: ActiveTime;

    constructor(context: DurableObjectState, env: object) {
      const rows = new Rows(context.storage, who);
      const active = new ActiveTime(who);
      super(context, wrapEnv(env, who, active));
      this.#context = context;
      this.#rows = rows;
      this.#active = active;
    }

    async metered(name: string, args: unknown[]): Promise<unknown> {
      tally(name === "alarm" ? "object.alarms" : "object.calls", who);
      try {
        const method = prototype[name] as (...args: unknown[]) => unknown;
        return await this.#active.during(() => Reflect.apply(method, this, args));
      } finally {
        this.#rows.count();
      }
    }

    forget(): void {
      this.#context.abort("forgotten by the meter");
    }

    async ring(): Promise<void> {
      await this.#context.storage.deleteAlarm();
      await this.metered("alarm", []);
    }

    async poke(): Promise<void> {
      await this.metered("poke", []);
    }

    async fill(sql: string): Promise<void> {
      this.#context.storage.sql.exec(sql);
      this.#rows.forget();
    }
  }

  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name === "constructor" || typeof prototype[name] !== "function") continue;
    Object.defineProperty(MeteredObject.prototype, name, {
      value(this: MeteredObject, ...args: unknown[]) {
        return this.metered(name, args);
      },
    });
  }
  return MeteredObject as unknown as C;
}

/** Rows of an object's SQLite, as its cursors tell them; an alarm set or a value put is one. */
class Rows {
  readonly #who: string;
  /** A cursor knows its rows only once it has been read. */
  #cursors: { rowsRead: number; rowsWritten: number }[] = [];

  constructor(storage: DurableObjectStorage, who: string) {
    this.#who = who;
    const { sql, kv } = storage;
    const exec = sql.exec.bind(sql) as (...args: unknown[]) => SqlStorageCursor<never>;
    sql.exec = ((...args: unknown[]) => {
      const cursor = exec(...args);
      this.#cursors.push(cursor);
      return cursor;
    }) as typeof sql.exec;
    const setAlarm = storage.setAlarm.bind(storage);
    storage.setAlarm = (...args) => {
      tally("object.rowsWritten", who);
      return setAlarm(...args);
    };
    const put = kv.put.bind(kv);
    kv.put = (...args) => {
      tally("object.rowsWritten", who);
      put(...args);
    };
  }

  forget(): void {
    this.#cursors = [];
  }

  count(): void {
    for (const { rowsRead, rowsWritten } of this.#cursors.splice(0)) {
      tally("object.rowsRead", this.#who, rowsRead);
      tally("object.rowsWritten", this.#who, rowsWritten);
    }
  }
}
