import { readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type V4MiniflareOptions,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";
import { migrationNames, ROOT } from "./project.ts";
import { readConfig } from "./wrangler-config.ts";

/** Bundled Workers in one workerd, run by Miniflare itself, without wrangler's proxy in front. */

export const LOOPBACK = "127.0.0.1";

export type BundledWorker = V4WorkerOptions & {
  name: string;
  bindings: Record<string, unknown>;
};

/**
 * What wrangler makes of a config, with a bundle in place of its sources. The assets are left out
 * unless they are asked for: they put three more of Miniflare's Workers in front of ours, a quarter of
 * all CPU, where the platform has its own servers.
 */
export function bundledWorker(
  config: string,
  script: string,
  { hasAssets = false }: { hasAssets?: boolean } = {},
): BundledWorker {
  process.env["WRANGLER_LOG"] ??= "error";
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, config));
  // Rules are for bundling.
  const { modulesRules: _, assets, bindings, ...options } = workerOptions;
  const { name } = readConfig(config);
  if (hasAssets) Object.assign(options, { assets });
  return { ...options, name, modules: true, script, bindings: Object.assign({}, bindings) };
}

export interface WorkerdOptions {
  workers: BundledWorker[];
  /** The folder of its databases and objects. */
  state: string;
  /** What the Workers log, line by line. */
  onLog: (line: { level: string; message: string }) => void;
}

/** One workerd on loopback ports of the system's choice, which asks nobody for anything. */
export const startWorkerd = (
  { workers, state, onLog }: WorkerdOptions,
  more: Partial<V4MiniflareOptions> = {},
): Miniflare =>
  new Miniflare(
    convertV4MiniflareOptions({
      host: LOOPBACK,
      port: 0,
      cf: false,
      log: new Log(LogLevel.ERROR),
      logRequests: false,
      telemetry: { enabled: false },
      resourcePersistencePath: state,
      handleStructuredLogs: onLog,
      ...more,
      workers,
    }),
  );

/** The migrations of a folder below the root, oldest first, as single statements. */
export const migrationsIn = (
  folder: string,
  edit = (text: string): string => text,
): { name: string; statements: string[] }[] =>
  migrationNames(folder).map((name) => ({
    name,
    statements: unstable_splitSqlQuery(edit(readFileSync(join(ROOT, folder, name), "utf8"))),
  }));

/** All migrations of a folder at once, on a database that has had none. Nothing is noted in it. */
export async function applyMigrations(
  db: Awaited<ReturnType<Miniflare["getD1Database"]>>,
  folder: string,
  edit?: (text: string) => string,
): Promise<void> {
  const statements = migrationsIn(folder, edit).flatMap((one) => one.statements);
  await db.batch(statements.map((sql) => db.prepare(sql)));
}
