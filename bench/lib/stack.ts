import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { devNull, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { promisify } from "node:util";
import { ROOT, WRANGLER } from "../../scripts/lib/project.ts";
import {
  applyMigrations,
  bundledWorker,
  LOOPBACK,
  startWorkerd,
  type WorkerdOptions,
} from "../../scripts/lib/workerd.ts";
import { memory_bytes, peakMemory_bytes, processCpu_s, workerdsOf } from "./meters.ts";

/**
 * Starts what is measured: the bundles that `wrangler deploy` would upload, in one workerd, with
 * fresh state, and a socket straight to the first Worker. No proxy is in the path: with an empty
 * handler at concurrency 32 the direct socket answers about 2.5 times as many requests a second as
 * Miniflare's own entry Worker, and 10 times as many as `wrangler dev` or its test harness, which
 * both put a second workerd in front.
 */

export interface StackOptions {
  /** Wrangler configs, relative to the project; the first one's Worker gets the requests. */
  configs: string[];
  /** Vars and secrets that override the first config's. */
  vars?: Record<string, string>;
  /** The binding of the first Worker's D1 database, if it has one. */
  database?: string;
  /** The folder of its migrations; else the one beside the first config. */
  migrations?: string;
  /** Modules to bundle in place of the configs' own `main`, one a config. */
  entries?: string[];
  /** Changes the bundles and migrations, to count what the program would cost without something. */
  edit?: (text: string) => string;
  /** Opens workerd's inspector, for a profile. It costs some speed. */
  isInspected?: boolean;
}

export interface Stack {
  /** Without a slash at the end; always a loopback address. */
  base: string;
  /** The folder of its databases and objects. */
  state: string;
  /** Runs one read and answers with its rows. Through Miniflare, apart from the measured socket. */
  read<Row>(sql: string): Promise<Row[]>;
  /** Asks the Worker of a config, by its place in `configs`. Through Miniflare as well. */
  ask(config: number, path: string): Promise<unknown>;
  /** Of workerd since it started. */
  peakMemory_bytes(): number;
  /** Of workerd now. */
  memory_bytes(): number;
  cpu_s(): number;
  /** What the Workers logged as `warn` or `error`, at most `MAX_COMPLAINTS` lines. */
  complaints: string[];
  /** How often the Workers logged each event, e.g. `stock.batch_decided`, since the start. */
  logged: Map<string, number>;
  stop(): Promise<void>;
}

const MAX_COMPLAINTS = 20;
const same = (text: string): string => text;

export async function startStack(options: StackOptions): Promise<Stack> {
  const { configs, vars = {}, database, entries = [], edit = same, isInspected = false } = options;
  const state = mkdtempSync(join(tmpdir(), "lockstock-bench-"));
  const before = new Set(workerdsOf(process.pid));
  const complaints: string[] = [];
  const logged = new Map<string, number>();
  const workers = await Promise.all(
    configs.map(async (config, i) => bundledWorker(config, edit(await bundle(config, entries[i])))),
  );
  const first = workers[0];
  if (!first) throw new RangeError("a stack needs a config");
  Object.assign(first.bindings, vars);
  first.unsafeDirectSockets = [{ host: LOOPBACK, port: 0 }];
  const onLog: WorkerdOptions["onLog"] = ({ level, message }) => {
    const event = /"event":"([\w.]+)"/.exec(message)?.[1] ?? "";
    logged.set(event, (logged.get(event) ?? 0) + 1);
    const isComplaint = level === "error" || level === "warn";
    if (isComplaint && complaints.length < MAX_COMPLAINTS) complaints.push(message);
  };
  const inspector = isInspected ? { inspectorPort: 0, inspectorHost: LOOPBACK } : {};
  const miniflare = startWorkerd({ workers, state, onLog }, inspector);
  await miniflare.ready;
  const pid = workerdsOf(process.pid).find((child) => !before.has(child));
  const base = (await miniflare.unsafeGetDirectURL(first.name)).origin;
  const db = database === undefined ? null : await miniflare.getD1Database(database);
  if (db) {
    const folder = options.migrations ?? join(dirname(configs[0] ?? ""), "migrations");
    await applyMigrations(db, folder, edit);
  }
  return {
    base,
    state,
    complaints,
    logged,
    async read<Row>(sql: string): Promise<Row[]> {
      if (!db) throw new Error("this stack has no database");
      return (await db.prepare(sql).all<Row>()).results;
    },
    async ask(config, path) {
      const worker = await miniflare.getWorker(workers[config]?.name);
      return (await worker.fetch(`http://stack${path}`)).json();
    },
    peakMemory_bytes: () => (pid === undefined ? Number.NaN : peakMemory_bytes(pid)),
    memory_bytes: () => (pid === undefined ? Number.NaN : memory_bytes(pid)),
    cpu_s: () => (pid === undefined ? Number.NaN : processCpu_s(pid)),
    async stop() {
      await miniflare.dispose();
      rmSync(state, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const bundles = new Map<string, Promise<string>>();

/** The one module that `wrangler deploy` would upload; built once in a process. */
export function bundle(config: string, entry?: string): Promise<string> {
  const name = entry ?? config;
  const known = bundles.get(name);
  if (known) return known;
  const built = build(config, entry);
  bundles.set(name, built);
  return built;
}

async function build(config: string, entry?: string): Promise<string> {
  const out = mkdtempSync(join(tmpdir(), "lockstock-bundle-"));
  const arguments_ = [...(entry === undefined ? [] : [entry]), "-c", config];
  try {
    await promisify(execFile)(
      process.execPath,
      [WRANGLER, "deploy", ...arguments_, "--dry-run", "--outdir", out, `--env-file=${devNull}`],
      {
        cwd: ROOT,
        env: {
          ...process.env,
          CI: "1",
          WRANGLER_HIDE_BANNER: "true",
          WRANGLER_LOG_PATH: out,
          WRANGLER_SEND_METRICS: "false",
        },
      },
    );
    const modules = readdirSync(out).filter((file) => file.endsWith(".js"));
    if (modules.length !== 1)
      throw new Error(`${config}: expected one module, not ${modules.length}`);
    return readFileSync(join(out, modules[0] ?? ""), "utf8");
  } finally {
    rmSync(out, { recursive: true, force: true });
  }
}
