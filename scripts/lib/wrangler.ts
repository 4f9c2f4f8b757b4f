import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { localVars, ROOT, WRANGLER } from "./project.ts";

const STOP_TIMEOUT_MS = 5_000;

/** What wrangler says beside the Workers' own output: tables, a line per request, a cron hint. */
const NOISE =
  /^\s*$|^\[custom build\]|^\[wrangler:info\]|^⎔|^Using secrets|^Binding\s|^env\.|has access to the following bindings|^Service bindings,|Scheduled Workers are not automatically|manually trigger a scheduled event|cdn-cgi\/local\/scheduled"|test-cron-triggers-locally|Logs were written to/;

/** Of its own for each state, so that two checkouts do not find each other. */
export const registryOf = (state: string): string => `${state}/registry`;

const running = new Set<ChildProcess>();

// The last resort, when this process ends without having called stopAll.
process.on("exit", () => running.forEach((child) => signal(child, "SIGKILL")));

/**
 * Starts wrangler in a process group of its own: only a signal to the whole group ends workerd too.
 * The Workers' vars travel in its environment, see `start`; wrangler hands a Worker those that its
 * config names in [vars] or [secrets] and nothing else.
 */
export function wrangler(args: string[], state: string): ChildProcess {
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...localVars(),
      CI: "1",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
      WRANGLER_LOG_PATH: `${state}/logs`,
      WRANGLER_REGISTRY_PATH: registryOf(state),
      WRANGLER_SEND_METRICS: "false",
      X_LOCAL_OBSERVABILITY: "false", // it writes every request and log line to a database
    },
  });
  running.add(child);
  child.once("exit", () => {
    signal(child, "SIGKILL"); // whoever of the group outlives its leader
    running.delete(child);
  });
  forward(child.stdout, process.stdout);
  forward(child.stderr, process.stderr);
  return child;
}

/** Ends every process that `wrangler` has started, and what those have started. */
export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stop));
}

/** Resolves to the exit code; 1 when a signal ended the process. */
export async function exitCode(child: ChildProcess): Promise<number> {
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return child.exitCode ?? 1;
}

async function stop(child: ChildProcess): Promise<void> {
  signal(child, "SIGTERM");
  await Promise.race([exitCode(child), sleep(STOP_TIMEOUT_MS)]);
  if (running.has(child)) signal(child, "SIGKILL");
}

function signal({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name);
  } catch {
    // Nobody is left in the group.
  }
}

function forward(from: NodeJS.ReadableStream | null, to: NodeJS.WritableStream): void {
  if (!from) return;
  createInterface({ input: from }).on("line", (line) => {
    if (!NOISE.test(line)) to.write(`${line}\n`);
  });
}
