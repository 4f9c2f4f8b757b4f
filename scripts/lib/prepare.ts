import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { exitCode, spawnGroup } from "./group.ts";
import { migrationNames, ROOT } from "./project.ts";

/** What has been done to a state. */
export interface Note {
  /** Names of the migrations that D1 has had. */
  migrations: string[];
  /** How far the demo is there: with an orders Worker alone, items have no stock yet. */
  demo?: "items" | "stock" | undefined;
}

/** Brings a state up to date; costs nothing when everything has been done to it before. */
export async function prepare(state: string, withStock: boolean): Promise<void> {
  if (isPrepared(state, withStock)) return;
  const only = withStock ? [] : ["--only-orders"];
  // wrangler names the file of secrets, which nobody uses here.
  const quiet = (line: string) => (line.startsWith("Using secrets") ? undefined : line);
  console.log("Preparing the database and the demo catalogue …");
  const child = spawnGroup([join(ROOT, "scripts/prepare.ts"), state, ...only], state, quiet);
  const code = await exitCode(child);
  if (code !== 0) throw new Error(`the state ${state} could not be prepared (${code})`);
}

function isPrepared(state: string, withStock: boolean): boolean {
  try {
    const { migrations, demo } = JSON.parse(readFileSync(pathOf(state), "utf8")) as Note;
    const hasDemo = demo === "stock" || (demo === "items" && !withStock);
    return hasDemo && migrations.join() === noteOf(demo).migrations.join();
  } catch {
    return false; // a new state, or one of a version without this note
  }
}

export function noteOf(demo: Note["demo"]): Note {
  return { migrations: migrationNames(), demo };
}

export function writeNote(state: string, note: Note): void {
  mkdirSync(join(state, "v3/d1"), { recursive: true });
  writeFileSync(pathOf(state), JSON.stringify(note));
}

/** Beside the database, so that both are deleted together. */
const pathOf = (state: string): string => join(state, "v3/d1/prepared.json");
