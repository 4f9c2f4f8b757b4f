import { createHash } from "node:crypto";
import { type QueueConsumer, readConfig, type WranglerConfig } from "../lib/wrangler-config.ts";

/**
 * What an environment binds. The two toml files of the root name everything once, for production;
 * the names of any other environment are those with its name behind, so nothing is shared.
 */

export const PRODUCTION = "production";

/** A worker's address is a DNS label of 63 characters, and the longest name of ours has 25. */
const NAME = /^[a-z](?:[a-z0-9-]{0,28}[a-z0-9])?$/;

/** Throws, saying what a name may be. */
export function checkEnvironment(name: string): string {
  if (NAME.test(name)) return name;
  throw new Error(
    `--env is 1 to 30 lower-case letters, digits and hyphens, beginning with a letter, not ${name}`,
  );
}

/** Where D1 keeps the database (`--region`), and the region beside which the orders Worker then runs. */
export const REGIONS = {
  weur: "aws:eu-central-1",
  eeur: "gcp:europe-central2",
  apac: "aws:ap-southeast-1",
  oc: "aws:ap-southeast-2",
  wnam: "aws:us-west-2",
  enam: "aws:us-east-1",
} as const;

export type Region = keyof typeof REGIONS;

/** D1 says where a database runs in capitals. Null for a place that has no counterpart here. */
export function regionOf(text: string): Region | null {
  const name = text.toLowerCase();
  return Object.hasOwn(REGIONS, name) ? (name as Region) : null;
}

export interface Environment {
  name: string;
  orders: WranglerConfig;
  stock: WranglerConfig;
  database: string;
  /** Every queue that one of the Workers sends to, consumes or leaves dead messages to. */
  queues: string[];
}

/** Reads the configs of the root, as an environment has them. */
export function readEnvironment(name: string): Environment {
  const orders = inEnvironment(readConfig("wrangler.toml"), name);
  const stock = inEnvironment(readConfig("wrangler.stock.toml"), name);
  const [database] = orders.d1_databases ?? [];
  if (!database) throw new Error("wrangler.toml has no database");
  const queues = [orders, stock].flatMap(({ queues: used }) => [
    ...(used?.producers ?? []).map(({ queue }) => queue),
    ...(used?.consumers ?? []).flatMap((one) => [one.queue, one.dead_letter_queue ?? one.queue]),
  ]);
  return {
    name,
    orders,
    stock,
    database: database.database_name,
    queues: [...new Set(queues)].toSorted(),
  };
}

/** `[env.NAME]` of a toml file wins; its vars are added to the common ones. */
export function inEnvironment({ env, ...common }: WranglerConfig, name: string): WranglerConfig {
  const own = (env as Record<string, Partial<WranglerConfig>> | undefined)?.[name] ?? {};
  const suffixed = name === PRODUCTION ? common : withSuffix(common as WranglerConfig, name);
  return {
    ...suffixed,
    ...own,
    vars: { ...suffixed["vars"], ...own.vars },
  } as WranglerConfig;
}

function withSuffix(config: WranglerConfig, environment: string): WranglerConfig {
  const named = (name: string) => `${name}-${environment}`;
  const consumer = (one: QueueConsumer): QueueConsumer => ({
    ...one,
    queue: named(one.queue),
    ...(one.dead_letter_queue && { dead_letter_queue: named(one.dead_letter_queue) }),
  });
  // A batch is told apart by its queue's name alone, so the vars say the names too.
  const vars = Object.entries(config.vars ?? {}).map(([name, value]) => [
    name,
    name.endsWith("_QUEUE") ? named(value) : value,
  ]);
  return {
    ...config,
    name: named(config.name),
    vars: Object.fromEntries(vars),
    services: (config.services ?? []).map((one) => ({ ...one, service: named(one.service) })),
    queues: {
      producers: (config.queues?.producers ?? []).map((one) => ({
        ...one,
        queue: named(one.queue),
      })),
      consumers: (config.queues?.consumers ?? []).map(consumer),
    },
    d1_databases: (config.d1_databases ?? []).map((one) => ({
      ...one,
      database_name: named(one.database_name),
    })),
    ratelimits: (config.ratelimits ?? []).map((one) => ({
      ...one,
      namespace_id: namespaceId(one.namespace_id, environment),
    })),
  };
}

/** Counters with the same id are shared within an account. An id is a positive whole number. */
function namespaceId(id: string, environment: string): string {
  const digest = createHash("sha256").update(`${id} ${environment}`).digest();
  return String(100_000 + (digest.readUInt32BE() % 2_000_000_000));
}

/** Folders and files in a config, which are relative to where it stands. */
function moved(config: WranglerConfig, back: string): WranglerConfig {
  const path = (text: string) => `${back}/${text.replace(/^\.\//, "")}`;
  const { build, assets } = config as { build?: { watch_dir: string[] }; assets?: Assets };
  return {
    ...config,
    main: path(config.main),
    ...(build && { build: { ...build, watch_dir: build.watch_dir.map(path) } }),
    ...(assets && { assets: { ...assets, directory: path(assets.directory) } }),
  };
}

type Assets = { directory: string };

/** What wrangler reads: configs in a folder that is `back` away from the root. */
export function deployedConfigs(
  { orders, stock }: Environment,
  databaseId: string,
  region: Region | null,
  back: string,
): { orders: WranglerConfig; stock: WranglerConfig } {
  const databases = (orders.d1_databases ?? []).map((one) => ({
    ...one,
    database_id: databaseId,
    migrations_dir: `${back}/${String(one["migrations_dir"])}`,
  }));
  return {
    stock: moved(stock, back),
    orders: {
      ...moved(orders, back),
      d1_databases: databases,
      // What the toml file says itself wins over where the database is.
      ...(region && !("placement" in orders) && { placement: { region: REGIONS[region] } }),
    },
  };
}
