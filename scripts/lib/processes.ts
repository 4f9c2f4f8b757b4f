import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

export interface Process {
  pid: number;
  parent: number;
  /** Resident memory, in bytes. */
  rss: number;
  /** The whole command line, with its arguments. */
  command: string;
}

/** Every process of this machine. */
async function processTable(): Promise<Process[]> {
  const columns = "pid=,ppid=,rss=,args=";
  const { stdout } = await promisify(execFile)("ps", ["-A", "-ww", "-o", columns], {
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout
    .trim()
    .split("\n")
    .map((line): Process => {
      const [pid = "", parent = "", kilobytes = "", ...command] = line.trim().split(/\s+/);
      return {
        pid: Number(pid),
        parent: Number(parent),
        rss: Number(kilobytes) * 1024,
        command: command.join(" "),
      };
    });
}

/** Everything that `root` has started and what those have started, in no particular order. */
export async function descendants(root: number): Promise<Process[]> {
  const table = await processTable();
  const below = (pid: number): Process[] =>
    table.filter(({ parent }) => parent === pid).flatMap((one) => [one, ...below(one.pid)]);
  return below(root);
}

/**
 * Those of `known` that still run. The system gives a process id to another process later, so the
 * command line has to be the same as well.
 */
export async function stillRunning(known: readonly Process[]): Promise<Process[]> {
  const now = new Map((await processTable()).map((one) => [one.pid, one.command]));
  return known.filter(({ pid, command }) => now.get(pid) === command);
}

/** The runtimes of workerd. */
export const runtimes = (all: readonly Process[]): Process[] =>
  all.filter(({ command }) => /^\S*workerd\s/.test(command));

/** wrangler's two runtimes, each as soon as it runs. */
export interface WranglerRuntimes {
  /** It listens on the public port and passes requests on. */
  proxy: Process | undefined;
  /** It runs the Workers; wrangler starts it again by itself when it has died. */
  workers: Process | undefined;
}

/**
 * The runtimes of one `wrangler dev --port PORT`. The port tells them apart. Process ids cannot:
 * the system gives out low ones again after the highest.
 */
export function runtimesOf(all: readonly Process[], port: number): WranglerRuntimes {
  const isProxy = ({ command }: Process) =>
    command.split(" ").some((arg) => arg.startsWith("--socket-addr=") && arg.endsWith(`:${port}`));
  const found = runtimes(all);
  return { proxy: found.find(isProxy), workers: found.find((one) => !isProxy(one)) };
}

/** Whether it was still there to hear it. */
export function signal(pid: number, name: "SIGKILL" | "SIGSTOP"): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
