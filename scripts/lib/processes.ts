import { execFile } from "node:child_process";
import process from "node:process";
import { promisify } from "node:util";

export interface Process {
  pid: number;
  parent: number;
  /** Resident memory, in bytes. */
  rss: number;
  command: string;
}

/** Everything that `root` has started and what those have started, oldest first. */
export async function descendants(root: number): Promise<Process[]> {
  const columns = "pid=,ppid=,rss=,comm=";
  const { stdout } = await promisify(execFile)("ps", ["-A", "-o", columns]);
  const table = stdout
    .trim()
    .split("\n")
    .map((line): Process => {
      const [pid = 0, parent = 0, kilobytes = 0] = line.trim().split(/\s+/).map(Number);
      const command = line.trim().split(/\s+/).slice(3).join(" ");
      return { pid, parent, rss: kilobytes * 1024, command };
    });
  const below = (pid: number): Process[] =>
    table.filter(({ parent }) => parent === pid).flatMap((one) => [one, ...below(one.pid)]);
  return below(root).toSorted((a, b) => a.pid - b.pid);
}

/**
 * The runtimes of a `wrangler dev`: the first holds the public port and passes requests on, the
 * one that runs the Workers was started last.
 */
export const runtimes = (all: readonly Process[]): Process[] =>
  all.filter(({ command }) => command.endsWith("workerd"));

/** Whether it was still there to hear it. */
export function signal(pid: number, name: "SIGKILL" | "SIGSTOP" | 0): boolean {
  try {
    process.kill(pid, name);
    return true;
  } catch {
    return false;
  }
}
