import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { untilHealthy } from "./health.ts";
import { descendants, type Process, signal, stillRunning } from "./processes.ts";
import { ROOT } from "./project.ts";

const READY_TIMEOUT_MS = 150_000;
const STOP_TIMEOUT_MS = 15_000;
/** Between two looks; a killed process is gone at once, but for a busy machine. */
const WAIT_MS = 50;
const MAX_WAITS = 200;

export interface StartOptions {
  /** The folder that keeps the state between starts. */
  state: string;
  port: number;
  /** Further arguments of `npm start`. */
  args?: readonly string[];
  /** Of the Workers; they override the environment. */
  vars?: Record<string, string>;
}

/**
 * What `npm start` runs, as a process of its own, at 127.0.0.1. Its callers are not rate limited
 * unless a var says so: all of them come from one address.
 */
export class NpmStart {
  readonly base: string;
  /** Every line that it has printed. */
  readonly lines: string[] = [];
  readonly #child: ChildProcess;

  constructor({ state, port, args = [], vars = {} }: StartOptions) {
    this.base = `http://127.0.0.1:${port}`;
    const options = [`--port=${port}`, `--state=${state}`, ...args];
    this.#child = spawn(process.execPath, ["scripts/start.ts", ...options], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...environment(), RATE_LIMIT: "off", ...vars },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream) createInterface(stream).on("line", (line) => this.lines.push(line));
    }
  }

  /** Of `scripts/start.ts` itself. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("npm start could not be spawned");
    return this.#child.pid;
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /**
   * Waits until it answers and says that it is ready. An answer alone may come from what an earlier
   * start on this port has left behind. Throws when it has ended, or is not ready in time.
   */
  async ready(): Promise<void> {
    const deadline_ms = Date.now() + READY_TIMEOUT_MS;
    await untilHealthy(this.base, READY_TIMEOUT_MS, () => this.hasEnded);
    while (!this.lines.some((line) => line.includes("is ready"))) {
      if (this.hasEnded) throw new Error(`${this.base} has ended before it was ready`);
      if (Date.now() > deadline_ms) throw new Error(`${this.base} does not say that it is ready`);
      await sleep(WAIT_MS);
    }
  }

  /** Everything that it has started and what those have started, oldest first. */
  processes(): Promise<Process[]> {
    return descendants(this.pid);
  }

  /**
   * SIGKILL to all of it, and waits until all of it is gone: until then the port and the state are
   * taken. All are stopped first, so that nobody cleans up or starts anything.
   */
  async kill(): Promise<void> {
    signal(this.pid, "SIGSTOP");
    let below: Process[] = [];
    for (let known = -1; known < below.length;) {
      known = below.length;
      below = await this.processes();
      for (const { pid } of below) signal(pid, "SIGSTOP");
    }
    // It had ended before, and so has all of it; their ids may be somebody else's by now.
    if (this.hasEnded) return;
    const ended = once(this.#child, "exit");
    for (const pid of [this.pid, ...below.map((one) => one.pid)]) signal(pid, "SIGKILL");
    await ended;
    for (let waits = 0; waits < MAX_WAITS && (await stillRunning(below)).length > 0; waits++) {
      await sleep(WAIT_MS);
    }
  }

  /** SIGTERM, as a shutdown does it; what does not end in time is killed. Answers the exit code. */
  async stop(): Promise<number | null> {
    if (!this.hasEnded) {
      const ended = once(this.#child, "exit").then(() => true);
      this.#child.kill("SIGTERM");
      const late = sleep(STOP_TIMEOUT_MS, false, { ref: false });
      if (!(await Promise.race([ended, late]))) await this.kill();
    }
    return this.#child.exitCode;
  }
}

/** Without what would make a run behave as a part of whatever has started this process. */
export function environment(): NodeJS.ProcessEnv {
  const foreign = /^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|WRANGLER_)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !foreign.test(name)));
}

/** A port that nobody listens on, asked of the system beforehand: `npm start` wants a number. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
