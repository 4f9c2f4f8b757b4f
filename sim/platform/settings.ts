import { readConfig, type WranglerConfig } from "../../scripts/lib/wrangler-config.ts";
import type { QueueSettings } from "./queues.ts";

/** What the simulation takes from the Workers' own configuration, so that it runs what is deployed. */

export const WORKERS = {
  orders: readConfig("wrangler.toml"),
  stock: readConfig("wrangler.stock.toml"),
};
export type WorkerName = keyof typeof WORKERS;
const NAMES = Object.keys(WORKERS) as WorkerName[];

/** What there is a stand-in for, and what changes nothing that a simulated run could show. */
const SIMULATED = "vars triggers d1_databases durable_objects services queues ratelimits".split(
  " ",
);
const WITHOUT_EFFECT =
  "name main compatibility_date send_metrics keep_names workers_dev observability cache build migrations secrets assets".split(
    " ",
  );

/** Throws when a config has something that the simulation would silently leave out. */
export function requireSimulated(config: WranglerConfig): void {
  const known = new Set([...SIMULATED, ...WITHOUT_EFFECT]);
  const unknown = Object.keys(config).filter((key) => !known.has(key));
  if (unknown.length > 0) {
    throw new Error(`${config.name}: the simulation has no stand-in for ${unknown.join(", ")}`);
  }
}
for (const config of Object.values(WORKERS)) requireSimulated(config);

/** The Worker that a service binding names. */
export function workerNamed(service: string): WorkerName {
  const found = NAMES.find((name) => WORKERS[name].name === service);
  if (!found) throw new Error(`the simulation has no Worker ${service}`);
  return found;
}

export interface RateSettings {
  name: string;
  limit: number;
  period_ms: number;
}

export const rateSettings = (): RateSettings[] =>
  NAMES.flatMap((worker) => WORKERS[worker].ratelimits ?? []).map(({ name, simple }) => ({
    name,
    limit: simple.limit,
    period_ms: simple.period * 1_000,
  }));

/** Every queue with a consumer. A setting that is not written out would be the platform's default. */
export function queueSettings(worker: WorkerName): QueueSettings[] {
  return (WORKERS[worker].queues?.consumers ?? []).map((consumer) => {
    const number = (key: Exclude<keyof typeof consumer, "queue" | "dead_letter_queue">): number => {
      const value = consumer[key];
      if (value === undefined) throw new Error(`the consumer of ${consumer.queue} has no ${key}`);
      return value;
    };
    return {
      name: consumer.queue,
      maxBatchSize: number("max_batch_size"),
      maxBatchTimeout_ms: number("max_batch_timeout") * 1_000,
      maxRetries: number("max_retries"),
      maxConcurrency: number("max_concurrency"),
      retryDelay_ms: number("retry_delay") * 1_000,
      deadLetterQueue: consumer.dead_letter_queue ?? null,
    };
  });
}

const QUEUES = Object.fromEntries(NAMES.map((worker) => [worker, queueSettings(worker)]));

/** Both configurations, with every queue named as they name it and so much more. */
export class Configuration {
  readonly #suffix: string;

  constructor(suffix: string) {
    this.#suffix = suffix;
  }

  /** The vars; those that name a queue have its name. */
  vars(worker: WorkerName): Record<string, string> {
    return Object.fromEntries(
      Object.entries(WORKERS[worker].vars ?? {}).map(([key, value]) => {
        return [key, key.endsWith("_QUEUE") ? this.#own(value) : value];
      }),
    );
  }

  /** The bindings that a Worker sends by, with their queues. */
  producers(worker: WorkerName): [binding: string, queue: string][] {
    const producers = WORKERS[worker].queues?.producers ?? [];
    return producers.map(({ binding, queue }) => [binding, this.#own(queue)]);
  }

  /** The queues that a Worker consumes. */
  consumed(worker: WorkerName): QueueSettings[] {
    return (QUEUES[worker] ?? []).map(({ name, deadLetterQueue, ...rest }) => {
      const dead = deadLetterQueue === null ? null : this.#own(deadLetterQueue);
      return { ...rest, name: this.#own(name), deadLetterQueue: dead };
    });
  }

  #own(name: string): string {
    return `${name}${this.#suffix}`;
  }
}
