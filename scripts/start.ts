/**
 * Runs Lockstock on this machine: see USAGE. Needs no account and no network.
 * Vars of the wrangler configs, AUTH_SECRET and AUTH_SECRET_PREVIOUS, given in the environment,
 * override the files.
 */
import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { createServer } from "node:net";
import { devNull } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { addDemoItems, addDemoStock, operatorClient } from "./lib/demo.ts";
import { applyMigrations } from "./lib/migrations.ts";
import { localConfig } from "./lib/local-config.ts";
import { DEV_VARS, DEV_VARS_EXAMPLE } from "./lib/project.ts";
import { forgetTheDead } from "./lib/registry.ts";
import { signToken } from "./lib/token.ts";
import { exitCode, registryOf, stopAll, wrangler } from "./lib/wrangler.ts";

const USAGE = `usage: npm start [-- --port N] [--state DIR] [--only orders|stock]

  --port N              default 8787; 8788 with --only stock
  --state DIR           default .wrangler/state
  --only orders|stock   one Worker; two such runs on the same state find each other`;

const READY_TIMEOUT_MS = 120_000;
const CRON = "* * * * *";
const CRON_PERIOD_MS = 60_000;

interface Options {
  orders: boolean;
  stock: boolean;
  port: number;
  state: string;
}

function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: "string" },
        state: { type: "string", default: ".wrangler/state" },
        only: { type: "string" },
      },
    });
    const { only, state } = values;
    if (only !== undefined && only !== "orders" && only !== "stock") {
      throw new Error(`--only is orders or stock, not ${only}`);
    }
    const port = Number(values.port ?? (only === "stock" ? 8788 : 8787));
    if (!Number.isInteger(port) || port < 1 || port > 65_535) {
      throw new Error(`--port is 1 to 65535, not ${values.port}`);
    }
    return { orders: only !== "stock", stock: only !== "orders", port, state: resolve(state) };
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${USAGE}`);
    return process.exit(2);
  }
}

/** A clear refusal, on both loopback addresses, before anything is started or written. */
async function requireFreePort(port: number): Promise<void> {
  for (const host of ["127.0.0.1", "::1"]) {
    const code = await new Promise<string | undefined>((done) => {
      const server = createServer();
      server.once("error", (error: NodeJS.ErrnoException) => done(error.code));
      server.listen(port, host, () => server.close(() => done(undefined)));
    });
    if (code === "EADDRINUSE") throw new Error(`port ${port} is in use: choose another by --port`);
  }
}

const configs = ({ orders, stock, state }: Options): string[] => [
  ...(orders ? [localConfig("wrangler.toml", state)] : []),
  ...(stock ? [localConfig("wrangler.stock.toml", state)] : []),
];

async function waitUntilReady(base: string): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (Date.now() < deadline) {
    const signal = AbortSignal.timeout(5_000);
    const response = await fetch(`${base}/healthz`, { signal }).catch(() => undefined);
    if (response?.status === 200) return;
    await sleep(200);
  }
  throw new Error(`${base}/healthz did not answer 200 within ${READY_TIMEOUT_MS / 1000} s`);
}

async function addDemo(base: string): Promise<void> {
  try {
    const call = operatorClient(base, await signToken("demo", "operator"));
    if (await addDemoItems(call)) console.log("Added a demo catalogue.");
    await addDemoStock(call);
  } catch (error) {
    console.log(`The demo stays incomplete until the next start: ${messageOf(error)}`);
  }
}

function fireCron(base: string): void {
  const url = `${base}/cdn-cgi/local/scheduled?cron=${encodeURIComponent(CRON)}`;
  setInterval(() => {
    // A failed run is logged by the Worker; the next one follows in a minute.
    fetch(url, { signal: AbortSignal.timeout(CRON_PERIOD_MS) }).catch(() => undefined);
  }, CRON_PERIOD_MS);
}

async function run(options: Options): Promise<void> {
  const { orders, port, state } = options;
  const base = `http://localhost:${port}`;
  await requireFreePort(port);
  mkdirSync(state, { recursive: true });
  if (!existsSync(DEV_VARS)) copyFileSync(DEV_VARS_EXAMPLE, DEV_VARS);
  if (orders) await applyMigrations(state);
  await forgetTheDead(registryOf(state));

  const flags = {
    port: `${port}`,
    "inspector-port": "0",
    "persist-to": state,
    "env-file": devNull,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const dev = wrangler(
    ["dev", ...args, ...configs(options).map((path) => `--config=${path}`)],
    state,
  );
  const died = exitCode(dev).then((code) => Promise.reject(new Error(`wrangler ended (${code})`)));
  await Promise.race([waitUntilReady(base), died]);
  if (orders) {
    console.log(`\nLockstock is ready.\n  shop     ${base}/\n  console  ${base}/console`);
    console.log(`  API      ${base}/docs\n`);
    fireCron(base);
    await Promise.race([addDemo(base), died]);
  } else {
    console.log(`\nThe stock Worker is ready (${base}/healthz). It has no pages.\n`);
  }
  await died;
}

/** A killed npm cannot pass its signal on; without this the server would outlive it. */
function endWithNpm(): void {
  if (!process.env["npm_lifecycle_event"]) return;
  const npm = process.ppid;
  setInterval(() => {
    if (process.ppid !== npm) process.kill(process.pid, "SIGTERM");
  }, 1_000).unref();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let ending = false;

/** The first reason to end is the one that is told: stopping wrangler makes `run` fail as well. */
async function end(code: number, message?: string): Promise<void> {
  if (ending) return;
  ending = true;
  if (message) console.error(`Lockstock: ${message}`);
  await stopAll();
  process.exit(code);
}

const options = readOptions();
endWithNpm();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void end(0));
run(options).catch((error: unknown) => end(1, messageOf(error)));
