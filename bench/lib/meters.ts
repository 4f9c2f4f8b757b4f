import { readdirSync, readFileSync } from "node:fs";

/** Memory and CPU of other processes, from Linux's /proc; nothing there elsewhere: NaN. */

/** Linux counts CPU time in ticks of 10 ms (`getconf CLK_TCK` is 100 on every common build). */
const TICKS_PER_SECOND = 100;

/** Peak resident size since the process started. */
export function peakMemory_bytes(pid: number): number {
  const kB = /^VmHWM:\s+(\d+) kB$/m.exec(read(`/proc/${pid}/status`))?.[1];
  return kB === undefined ? Number.NaN : Number(kB) * 1024;
}

/** User and system time of all its threads. */
export function processCpu_s(pid: number): number {
  const [, , , , , , , , , , , user, system] = fieldsAfterName(pid);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

export function childrenOf(parent: number): number[] {
  let pids: number[];
  try {
    pids = readdirSync("/proc").map(Number);
  } catch {
    return [];
  }
  return pids.filter((pid) => pid > 0 && Number(fieldsAfterName(pid)[1]) === parent);
}

/** /proc/PID/stat from its third field: the second, the name, may itself hold blanks. */
function fieldsAfterName(pid: number): string[] {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
