import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  convertV4MiniflareOptions,
  Log,
  LogLevel,
  Miniflare,
  type V4MiniflareOptions,
  type V4WorkerOptions,
} from "miniflare";
import { unstable_getMiniflareWorkerOptions, unstable_splitSqlQuery } from "wrangler";
import { ROOT } from "./project.ts";
import { readConfig } from "./wrangler-config.ts";

/** Bundled Workers in one workerd, run by Miniflare itself, without wrangler's proxy in front. */

export type BundledWorker = V4WorkerOptions & {
  name: string;
  bindings: Record<string, unknown>;
};

/**
 * What wrangler makes of a config, with a bundle in place of its sources. The assets are left out:
 * they would put three more of Miniflare's Workers in front of ours, a quarter of all CPU, where the
 * platform has its own servers.
 */
export function bundledWorker(config: string, script: string): BundledWorker {
  process.env["WRANGLER_LOG"] ??= "error";
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, config));
  // Rules are for bundling.
  const { modulesRules: _, assets: __, bindings, ...options } = workerOptions;
  const { name } = readConfig(config);
  return { ...options, name, modules: true, script, bindings: { ...bindings } };
}
