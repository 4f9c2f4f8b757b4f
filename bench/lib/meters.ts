import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What Linux tells of other processes in /proc; elsewhere there is nothing: NaN, or none. */

/** Linux counts CPU time in ticks of 10 ms (`getconf CLK_TCK` is 100 on every common build). */
const TICKS_PER_SECOND = 100;

/** Peak resident size since the process started. */
export const peakMemory_bytes = (pid: number): number => sizeOf(pid, "VmHWM");

/** Resident size now. */
export const memory_bytes = (pid: number): number => sizeOf(pid, "VmRSS");

function sizeOf(pid: number, name: "VmHWM" | "VmRSS"): number {
  const kB = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(read(`/proc/${pid}/status`))?.[1];
  return kB === undefined ? Number.NaN : Number(kB) * 1024;
}

/** User and system time of all its threads. */
export function processCpu_s(pid: number): number {
  const [, , , , , , , , , , , user, system] = fieldsAfterName(pid);
  return (Number(user) + Number(system)) / TICKS_PER_SECOND;
}

/** The workerd processes that a process has started: wrangler's other helpers are no part of it. */
export function workerdsOf(parent: number): number[] {
  let pids: number[];
  try {
    pids = readdirSync("/proc").map(Number);
  } catch {
    return [];
  }
  return pids.filter((pid) => {
    const isChild = pid > 0 && Number(fieldsAfterName(pid)[1]) === parent;
    return isChild && read(`/proc/${pid}/comm`).trim() === "workerd";
  });
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

const LISTENING = "0A";

/** TCP ports that a process listens on, IPv4. */
export function listeningPorts(pid: number): number[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      } catch {
        return undefined; // closed in the meantime
      }
    }),
  );
  return read("/proc/net/tcp")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([, , , state, , , , , , inode]) => state === LISTENING && inodes.has(inode))
    .map(([, address = ""]) => Number.parseInt(address.split(":")[1] ?? "", 16));
}
