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

/** The queues that a Worker sends to, by binding. */
export function producersOf(file: (typeof FILES)[number]): { binding: string; queue: string }[] {
  return tablesOf(file)
    .filter(([name]) => name === "queues.producers")
    .map(([, { binding, queue }]) => ({ binding: String(binding), queue: String(queue) }));
}

/** The queues that a Worker consumes. */
export function consumedBy(file: (typeof FILES)[number]): string[] {
  return tablesOf(file)
    .filter(([name]) => name === "queues.consumers")
    .map(([, { queue }]) => String(queue));
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
