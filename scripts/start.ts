/**
 * Runs Lockstock on this machine: see USAGE. Needs no account and no network.
 * Vars of the wrangler configs, AUTH_SECRET, AUTH_SECRET_PREVIOUS, STRIPE_WEBHOOK_SECRET and
 * TURNSTILE_SECRET, given in the environment, override the files.
 */
import { copyFileSync, existsSync } from "node:fs";
import { createServer } from "node:net";
import { devNull } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { exitCode, registryOf, stopAll } from "./lib/group.ts";
import { HealthWatch, isHealthy, untilHealthy } from "./lib/health.ts";
import { checkVars, localConfig } from "./lib/local-config.ts";
import { lockState, type Part } from "./lib/lock.ts";
import { readOptions } from "./lib/options.ts";
import { prepare } from "./lib/prepare.ts";
import { DEV_VARS, DEV_VARS_EXAMPLE } from "./lib/project.ts";
import { forgetTheDead } from "./lib/registry.ts";
import { wrangler } from "./lib/wrangler.ts";

const USAGE = `usage: npm start [-- --port N] [--state DIR] [--only orders|stock]

  --port N              default 8787; 8788 with --only stock
  --state DIR           default .wrangler/state
  --only orders|stock   one Worker; two such runs on the same state find each other`;

const READY_TIMEOUT_MS = 120_000;
/** What a killed start had started ends within a moment of it, and gives its port back. */
const KILLED_TIMEOUT_MS = 15_000;
/** Of wrangler; past it something is wrong that starting it again does not mend. */
const MAX_RESTARTS = 3;
const RESTARTS_PERIOD_MS = 600_000;
const CRON = "* * * * *";
const CRON_PERIOD_MS = 60_000;

interface Options {
  orders: boolean;
  stock: boolean;
  port: number;
  state: string;
}

const startOptions = (): Options =>
  readOptions(
    USAGE,
    { port: [0, 65_535], state: ".wrangler/state", only: "" },
    ({ port, state, only }) => {
      if (!["", "orders", "stock"].includes(only)) {
        throw new Error(`--only is orders or stock, not ${only}`);
      }
      return {
        orders: only !== "stock",
        stock: only !== "orders",
        port: port || (only === "stock" ? 8788 : 8787),
        state: resolve(state),
      };
    },
  );

/** A clear refusal, on both loopback addresses, before anything is started or written. */
async function requireFreePort(port: number, timeout_ms: number): Promise<void> {
  const deadline_ms = Date.now() + timeout_ms;
  while (await isInUse(port)) {
    if (Date.now() >= deadline_ms) {
      throw new Error(`port ${port} is in use: choose another by --port`);
    }
    await sleep(100);
  }
}

async function isInUse(port: number): Promise<boolean> {
  for (const host of ["127.0.0.1", "::1"]) {
    const code = await new Promise<string | undefined>((done) => {
      const server = createServer();
      server.once("error", (error: NodeJS.ErrnoException) => done(error.code));
      server.listen(port, host, () => server.close(() => done(undefined)));
    });
    if (code === "EADDRINUSE") return true;
  }
  return false;
}

/** Takes state and port, or refuses before anything is started; a new state is not even made. */
async function claim({ orders, stock, port, state }: Options): Promise<void> {
  const parts: Part[] = [
    ...(orders ? ["orders" as const] : []),
    ...(stock ? ["stock" as const] : []),
  ];
  const isNew = !existsSync(state);
  // An owner of the state is told rather than its port: it holds both in a second `npm start`.
  const { wasKilled } = isNew ? { wasKilled: false } : await lockState(state, parts, port);
  await requireFreePort(port, wasKilled ? KILLED_TIMEOUT_MS : 0);
  if (isNew) await lockState(state, parts, port);
}

const configs = ({ orders, stock, state }: Options): string[] => [
  ...(orders ? [localConfig("wrangler.toml", state)] : []),
  ...(stock ? [localConfig("wrangler.stock.toml", state)] : []),
];

function fireCron(base: string): void {
  const url = `${base}/cdn-cgi/local/scheduled?cron=${encodeURIComponent(CRON)}`;
  setInterval(() => {
    // A failed run is logged by the Worker; the next one follows in a minute.
    fetch(url, { signal: AbortSignal.timeout(CRON_PERIOD_MS) }).catch(() => undefined);
  }, CRON_PERIOD_MS);
}

function greet(base: string, orders: boolean): void {
  if (orders) {
    console.log(`\nLockstock is ready.\n  shop     ${base}/\n  console  ${base}/console`);
    console.log(`  API      ${base}/docs\n`);
  } else {
    console.log(`\nThe stock Worker is ready (${base}/healthz). It has no pages.\n`);
  }
}

/** Runs wrangler until it is silent for good; answers for how long it was. Throws when it ends. */
async function serve(options: Options, base: string, onReady: () => void): Promise<number> {
  const { port, state } = options;
  const flags = {
    port: `${port}`,
    "inspector-port": "0",
    "persist-to": state,
    "env-file": devNull,
  };
  const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
  const paths = configs(options).map((path) => `--config=${path}`);
  const watch = new HealthWatch((limit_ms) => isHealthy(base, limit_ms));
  const dev = wrangler(["dev", ...args, ...paths], state, () => watch.crashed());
  const died = exitCode(dev).then((code) => Promise.reject(new Error(`wrangler ended (${code})`)));
  await Promise.race([untilHealthy(base, READY_TIMEOUT_MS), died]);
  onReady();
  const dead = watch.untilDead((silent_ms) =>
    console.error(
      `Lockstock: ${base}/healthz has not answered for ${silent_ms / 1_000} s: it is overloaded, or a changed source does not build`,
    ),
  );
  const silent_ms = await Promise.race([dead, died]);
  died.catch(() => undefined); // from here on it is ended on purpose
  return silent_ms;
}

async function run(options: Options): Promise<void> {
  const { orders, stock, port, state } = options;
  const base = `http://localhost:${port}`;
  await claim(options);
  if (!existsSync(DEV_VARS)) copyFileSync(DEV_VARS_EXAMPLE, DEV_VARS);
  if (orders) {
    for (const warning of checkVars()) console.error(`Lockstock: ${warning}`);
    await prepare(state, stock);
    if (!stock) console.log("Items are without stock until the first start without --only.");
  }
  await forgetTheDead(registryOf(state));

  let restarts_ms: number[] = [];
  const onReady = () => {
    if (restarts_ms.length > 0) return console.log("Lockstock: it answers again.");
    greet(base, orders);
    if (orders) fireCron(base);
  };
  for (;;) {
    const silent_ms = await serve(options, base, onReady);
    const since_ms = Date.now() - RESTARTS_PERIOD_MS;
    restarts_ms = [...restarts_ms.filter((at_ms) => at_ms > since_ms), Date.now()];
    const what = `${base}/healthz has not answered for ${silent_ms / 1_000} s since a runtime crashed`;
    if (restarts_ms.length > MAX_RESTARTS) {
      throw new Error(`${what}, after ${MAX_RESTARTS} restarts within 10 minutes`);
    }
    console.error(`Lockstock: ${what}: starting wrangler again on the same port and state`);
    await stopAll();
    await requireFreePort(port, KILLED_TIMEOUT_MS);
  }
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

const options = startOptions();
endWithNpm();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => void end(0));
run(options).catch((error: unknown) => end(1, messageOf(error)));
