import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { QueueSettings } from "./queues.ts";

/** What the simulation takes from the Workers' own configuration, so that it runs what is deployed. */

const ROOT = join(import.meta.dirname, "../..");

type Table = Record<string, string | number>;

/** As much of TOML as the two files use; a table within a line is kept as its text. */
function tablesOf(file: string): [name: string, table: Table][] {
  const tables: [string, Table][] = [];
  let table: Table = {};
  for (const line of readFileSync(join(ROOT, file), "utf8").split("\n")) {
    const head = /^\[\[?([\w.]+)\]?\]/.exec(line);
    if (head?.[1]) tables.push([head[1], (table = {})]);
    const [, key, text, number, inline] =
      /^(\w+)\s*=\s*(?:"([^"]*)"|(\d+)|(\{.*\}))/.exec(line) ?? [];
    if (key) table[key] = text ?? inline ?? Number(number);
  }
  return tables;
}

const FILES = ["wrangler.toml", "wrangler.stock.toml"] as const;

export function varsOf(file: (typeof FILES)[number]): Record<string, string> {
  const found = tablesOf(file).find(([name]) => name === "vars");
  return Object.fromEntries(
    Object.entries(found?.[1] ?? {}).map(([key, value]) => [key, String(value)]),
  );
}

export interface RateSettings {
  name: string;
  limit: number;
  period_ms: number;
}

export function rateSettings(): RateSettings[] {
  return tablesOf("wrangler.toml")
    .filter(([name]) => name === "ratelimits")
    .map(([, { name, simple }]) => {
      const [, limit, period] = /limit = (\d+), period = (\d+)/.exec(String(simple)) ?? [];
      return { name: String(name), limit: Number(limit), period_ms: Number(period) * 1_000 };
    });
}

export function queueSettings(): QueueSettings[] {
  return FILES.flatMap((file) => tablesOf(file))
    .filter(([name]) => name === "queues.consumers")
    .map(([, table]) => ({
      name: String(table.queue),
      maxBatchSize: Number(table.max_batch_size),
      maxBatchTimeout_ms: Number(table.max_batch_timeout) * 1_000,
      maxRetries: Number(table.max_retries),
      maxConcurrency: Number(table.max_concurrency),
      retryDelay_ms: Number(table.retry_delay) * 1_000,
      deadLetterQueue:
        table.dead_letter_queue === undefined ? null : String(table.dead_letter_queue),
    }));
}

const WORKERS = { orders: "wrangler.toml", stock: "wrangler.stock.toml" } as const;
type Worker = keyof typeof WORKERS;
const TABLES = {
  orders: tablesOf(WORKERS.orders),
  stock: tablesOf(WORKERS.stock),
} satisfies Record<Worker, unknown>;
const VARS = { orders: varsOf(WORKERS.orders), stock: varsOf(WORKERS.stock) };
const QUEUES = queueSettings();

/** Both configurations, with every queue named as they name it and so much more. */
export class Configuration {
  readonly #suffix: string;

  constructor(suffix: string) {
    this.#suffix = suffix;
  }

  /** The vars; those that name a queue have its name. */
  vars(worker: Worker): Record<string, string> {
    return Object.fromEntries(
      Object.entries(VARS[worker]).map(([key, value]) => {
        return [key, key.endsWith("_QUEUE") ? this.#own(value) : value];
      }),
    );
  }

  /** The bindings that a Worker sends by, with their queues. */
  producers(worker: Worker): [binding: string, queue: string][] {
    return TABLES[worker]
      .filter(([name]) => name === "queues.producers")
      .map(([, { binding, queue }]) => [String(binding), this.#own(queue)]);
  }

  consumed(worker: Worker): string[] {
    return TABLES[worker]
      .filter(([name]) => name === "queues.consumers")
      .map(([, { queue }]) => this.#own(queue));
  }

  queues(): QueueSettings[] {
    return QUEUES.map(({ name, deadLetterQueue, ...rest }) => {
      const dead = deadLetterQueue === null ? null : this.#own(deadLetterQueue);
      return { ...rest, name: this.#own(name), deadLetterQueue: dead };
    });
  }

  #own(name: string | number | undefined): string {
    return `${name}${this.#suffix}`;
  }
}
