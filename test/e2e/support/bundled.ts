import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Miniflare } from "miniflare";
import { bundle } from "../../../bench/lib/stack.ts";
import { applyMigrations, bundledWorker, startWorkerd } from "../../../scripts/lib/workerd.ts";
import { onceInRun } from "./once.ts";

/** The Workers, by their configs; the first one's has the pages and gets the requests. */
const CONFIGS = ["wrangler.toml", "wrangler.stock.toml"];

export interface BundledOptions {
  /** Of the orders Worker, with its secrets. */
  vars?: Record<string, string>;
  onLine?: (line: string) => void;
  /** Keeps spans for the local explorer, as `wrangler dev` does. */
  isTraced?: boolean;
  /** A folder to start on, with all migrations; else a new one, gone at the end. */
  state?: string;
}

/**
 * Both Workers as they would be uploaded, with the pages, in one workerd on a state of their own with
 * all migrations. What `wrangler dev` does at each start, to bundle and to migrate, is done once a run.
 */
export async function startBundled(
  options: BundledOptions,
): Promise<{ miniflare: Miniflare; close: () => Promise<void> }> {
  const made = await onceInRun("bundled", make);
  const state = options.state ?? (await newState(made));
  const miniflare = await start(made, state, options);
  return {
    miniflare,
    async close() {
      await miniflare.dispose();
      if (state === options.state) return;
      await rm(state, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

async function newState(made: string): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "lockstock-stack-"));
  await cp(join(made, "state"), state, { recursive: true });
  return state;
}

async function make(folder: string): Promise<void> {
  for (const config of CONFIGS) await writeFile(scriptOf(folder, config), await bundle(config));
  const miniflare = await start(folder, join(folder, "state"), {});
  await applyMigrations(await miniflare.getD1Database("DB", "lockstock-orders"), "migrations");
  await miniflare.dispose();
}

const scriptOf = (folder: string, config: string): string => join(folder, `${config}.js`);

async function start(
  folder: string,
  state: string,
  { vars = {}, onLine, isTraced = false }: BundledOptions,
): Promise<Miniflare> {
  const scripts = CONFIGS.map((config) => readFile(scriptOf(folder, config), "utf8"));
  const workers = (await Promise.all(scripts)).map((script, i) =>
    bundledWorker(CONFIGS[i] ?? "", script, { hasAssets: true }),
  );
  Object.assign(workers[0]?.bindings ?? {}, vars);
  const miniflare = startWorkerd(
    { workers, state, onLog: ({ message }) => onLine?.(message) },
    { unsafeLocalExplorer: isTraced, unsafeObservability: isTraced },
  );
  await miniflare.ready;
  return miniflare;
}
