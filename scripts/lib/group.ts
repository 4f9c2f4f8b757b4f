import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { localVars, ROOT } from "./project.ts";

const STOP_TIMEOUT_MS = 5_000;

/**
 * Runs a program in the group of this shell, with a watcher beside it that waits for the end of file
 * of a pipe whose other end only this process has. However this process ends, by `kill -9` too, the
 * system closes that end, and the watcher kills the group. Without it wrangler and workerd would go
 * on with the port and the state.
 */
const GUARD = '(read -r line; kill -KILL 0) <&3 & exec "$@" 3<&-';

/** Of its own for each state, so that two checkouts do not find each other. */
export const registryOf = (state: string): string => `${state}/registry`;

const running = new Set<ChildProcess>();

// The last resort, when this process ends without having called stopAll.
process.on("exit", () => running.forEach((child) => signal(child, "SIGKILL")));

/**
 * Runs a script by Node in a process group of its own: only a signal to the whole group ends what
 * the script has started too. `onLine` gets every line that it prints and answers what to print.
 * The Workers' vars travel in its environment, see `start`; wrangler hands a Worker those that its
 * config names in [vars] or [secrets] and nothing else. Warnings are always on: `onLine` needs them.
 */
export function spawnGroup(
  args: string[],
  state: string,
  onLine: (line: string) => string | undefined = (line) => line,
): ChildProcess {
  const child = spawn("/bin/sh", ["-c", GUARD, "sh", process.execPath, ...args], {
    cwd: ROOT,
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "pipe"],
    env: {
      ...localVars(),
      CI: "1",
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      WRANGLER_HIDE_BANNER: "true",
      ...(/^(none|error)$/.test(process.env["WRANGLER_LOG"] ?? "") && { WRANGLER_LOG: "warn" }),
      WRANGLER_LOG_PATH: `${state}/logs`,
      WRANGLER_REGISTRY_PATH: registryOf(state),
      WRANGLER_SEND_METRICS: "false",
      X_LOCAL_OBSERVABILITY: "false", // it writes every request and log line to a database
    },
  });
  // Whoever has been killed does not close its end in an orderly way.
  child.stdio[3]?.on("error", () => undefined);
  running.add(child);
  child.once("exit", () => {
    signal(child, "SIGKILL"); // whoever of the group outlives its leader
    running.delete(child);
  });
  forward(child.stdout, process.stdout, onLine);
  forward(child.stderr, process.stderr, onLine);
  return child;
}

/** Ends every process that `spawnGroup` has started, and what those have started. */
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

function forward(
  from: NodeJS.ReadableStream | null,
  to: NodeJS.WritableStream,
  onLine: (line: string) => string | undefined,
): void {
  if (!from) return;
  createInterface({ input: from }).on("line", (line) => {
    const text = onLine(line);
    if (text !== undefined) to.write(`${text}\n`);
  });
}
