import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { TestContext } from "vitest";
import { descendants, type Process } from "../../../scripts/crash/processes.ts";
import { type Client, clientOf, signToken } from "./client.ts";
import { expectNoSecrets } from "./logs.ts";
import { until } from "./until.ts";

export const ROOT = join(import.meta.dirname, "../../..");
const SECRET = "the secret of the runs by npm start";
const READY_MS = 150_000;

export const execute = promisify(execFile);

/** What `npm start` runs, as a process of its own. */
export interface Run {
  base: string;
  /** Of `scripts/start.ts` itself. */
  pid: number;
  operator: Client;
  customer(id: string): Promise<Client>;
  /** Every line it has printed. */
  lines: string[];
  /** Waits until it answers. */
  ready(): Promise<void>;
  /** Everything it has started. */
  processes(): Promise<Process[]>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number | null>;
}

/** The hooks of the test that a run belongs to, as concurrent tests have to name it. */
export type Test = Pick<TestContext, "onTestFailed" | "onTestFinished">;

/** An empty state for the runs of one test, gone after it. */
export async function emptyState({ onTestFinished }: Test): Promise<string> {
  const state = await mkdtemp(join(tmpdir(), "lockstock-"));
  onTestFinished(() => rm(state, { recursive: true, force: true, maxRetries: 5 }));
  return state;
}

/** Asked of the system beforehand: scripts/start.ts wants a number. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Starts it with these arguments and vars, on a free port if they name none; it is stopped when the test ends. */
export async function start(
  { onTestFailed, onTestFinished }: Test,
  args: string[],
  vars: Record<string, string> = {},
): Promise<Run> {
  const secret = vars["AUTH_SECRET"] ?? SECRET;
  const named = args.find((arg) => arg.startsWith("--port="))?.slice("--port=".length);
  const port = named ?? (await freePort());
  const base = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, ["scripts/start.ts", `--port=${port}`, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...environment(), RATE_LIMIT: "off", ...vars, AUTH_SECRET: secret },
  });
  const { pid } = child;
  if (pid === undefined) throw new Error("it was not started");
  const lines: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => lines.push(line));
  }
  const run: Run = {
    base,
    pid,
    operator: clientOf(base, await signToken(secret, "operator", { scope: "operator" })),
    customer: async (id) => clientOf(base, await signToken(secret, id)),
    lines,
    ready: () => ready(child, base),
    processes: () => descendants(pid),
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      return child.exitCode;
    },
  };
  onTestFailed(() => console.log(`${args.join(" ")}\n${lines.join("\n")}`));
  onTestFinished(async () => {
    await run.stop();
    expectNoSecrets(lines, secret);
  });
  return run;
}

async function ready(child: ChildProcess, base: string): Promise<void> {
  const health = async () => {
    if (child.exitCode !== null) return "ended";
    const { status } = await fetch(`${base}/healthz`, { signal: AbortSignal.timeout(2_000) });
    return status === 200 && "ready";
  };
  if ((await until("ready", health, READY_MS)) === "ended") throw new Error("it has ended");
}

/** The tests' own environment without what would make a run behave as a part of them. */
export function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|VITEST|NODE_ENV$|NODE_OPTIONS$|WRANGLER_)/.test(name),
  );
  return Object.fromEntries(kept);
}
