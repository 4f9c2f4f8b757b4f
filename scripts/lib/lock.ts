import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";

/** What a run has on a state: a full start both, `--only` one of them. */
export type Part = "orders" | "stock";

interface Owner {
  pid: number;
  port: number;
}

/** Within this, whoever has just taken a lock has also written its note. */
const NOTE_MS = 100;

/** Kept for as long as this process lives: a database that is collected gives its lock back. */
const held: DatabaseSync[] = [];

/**
 * Makes this process the only one that runs these parts on a state, or throws an error that names
 * the process that does. Two at once would write to the same databases and fire each alarm twice.
 *
 * The lock is SQLite's own, on an empty database. The system takes it away when its process ends,
 * by `kill -9` too, and gives it to no child process: nothing stale can stay behind, and a process
 * id that is used again means nothing. The note beside it only serves the error.
 *
 * Answers whether the last owner was killed: then what it had started may be ending just now.
 */
export async function lockState(
  state: string,
  parts: readonly Part[],
  port: number,
): Promise<{ wasKilled: boolean }> {
  const folder = join(state, "locks");
  mkdirSync(folder, { recursive: true });
  let wasKilled = false;
  for (const part of parts) {
    const note = join(folder, `${part}.json`);
    if (!lock(join(folder, `${part}.sqlite`))) {
      await sleep(NOTE_MS);
      throw new Error(inUse(state, part, read(note)));
    }
    wasKilled ||= read(note) !== undefined;
    writeFileSync(note, JSON.stringify({ pid: process.pid, port } satisfies Owner));
    process.once("exit", () => rmSync(note, { force: true }));
  }
  return { wasKilled };
}

function lock(path: string): boolean {
  const database = new DatabaseSync(path);
  try {
    // Of two that try at the same time exactly one succeeds; EXCLUSIVE may refuse both.
    database.exec("BEGIN IMMEDIATE");
    held.push(database);
    return true;
  } catch (error) {
    database.close();
    const isBusy = error instanceof Error && /database is locked/.test(error.message);
    if (isBusy) return false;
    throw error;
  }
}

function inUse(state: string, part: Part, owner: Owner | undefined): string {
  const who = owner
    ? `process ${owner.pid} runs the ${part} Worker on it, at http://localhost:${owner.port}`
    : `another npm start runs the ${part} Worker on it`;
  return `the state ${state} is in use: ${who}. Stop that one, or choose another by --state`;
}

function read(note: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(note, "utf8")) as Owner;
  } catch {
    return undefined; // nobody has it, or nobody was killed
  }
}
