import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** What a restore has done so far, in a file of the environment's folder, for the run that goes on. */
export interface Journal {
  to: string;
  /** Where the database was before: restoring to it undoes the restore. */
  undo: string;
  /** False: the database may have been put back, or not. */
  isRestored: boolean;
}

export const journalFile = (folder: string): string => join(folder, "restore.json");

/** Null: no restore is under way. */
export function readJournal(path: string): Journal | null {
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Journal) : null;
}

/** Never half written: a run may be killed at any time. */
export function writeJournal(path: string, journal: Journal): void {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.draft`;
  writeFileSync(draft, `${JSON.stringify(journal)}\n`);
  renameSync(draft, path);
}

export const endJournal = (path: string): void => rmSync(path, { force: true });
