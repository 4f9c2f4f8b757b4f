import { spawn } from "node:child_process";
import process from "node:process";
import { ROOT, WRANGLER } from "../lib/project.ts";
import { errorIn, explain, type Subject } from "./explain.ts";

/** The slowest is an upload with its build; past this something waits that nobody will answer. */
const TIMEOUT_MS = 300_000;
/** Of what a command prints; the rest is dropped. */
const MAX_OUTPUT = 1_000_000;

/** Expected failures: the message is for the reader, without a stack. */
export class DeployError extends Error {}

export interface Said {
  ok: boolean;
  stdout: string;
  /** Both streams, as a terminal would show them. */
  all: string;
}

/** Runs wrangler without a terminal, so that it asks nothing. */
export async function tryWrangler(args: readonly string[]): Promise<Said> {
  const child = spawn(process.execPath, [WRANGLER, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    env: {
      ...process.env,
      CI: "1",
      FORCE_COLOR: "0",
      WRANGLER_SEND_METRICS: "false",
      WRANGLER_HIDE_BANNER: "true",
    },
  });
  let stdout = "";
  let all = "";
  child.stdout.on("data", (data: Buffer) => {
    if (stdout.length < MAX_OUTPUT) stdout += data.toString();
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      if (all.length < MAX_OUTPUT) all += data.toString();
    });
  }
  return await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ ok: code === 0, stdout, all }));
  });
}

/** Throws a DeployError that says what to do. */
export async function wrangler(subject: Subject, args: readonly string[]): Promise<Said> {
  const said = await tryWrangler(args);
  if (!said.ok) throw failure(subject, args, said);
  return said;
}

export function failure(subject: Subject, args: readonly string[], { all }: Said): DeployError {
  const words = errorIn(all);
  const known = explain(words, subject);
  return new DeployError(known ?? `\`wrangler ${args.join(" ")}\` failed. It said:\n${words}`);
}

/** The JSON in an output that may have a warning before it. */
export function jsonIn(stdout: string): unknown {
  const start = stdout.search(/[[{]/);
  return start === -1 ? [] : JSON.parse(stdout.slice(start));
}
