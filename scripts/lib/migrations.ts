import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./project.ts";
import { exitCode, wrangler } from "./wrangler.ts";

/** Brings the local D1 database up to date; costs nothing when this state has had them all. */
export async function applyMigrations(state: string): Promise<void> {
  const wanted = readdirSync(join(ROOT, "migrations"))
    .filter((name) => name.endsWith(".sql"))
    .toSorted()
    .join("\n");
  const folder = join(state, "v3/d1"); // beside the database, so that both are deleted together
  const note = join(folder, "applied-migrations.txt");
  if (wanted === read(note)) return;

  const apply = ["d1", "migrations", "apply", "DB", "--local", "--persist-to", state];
  const code = await exitCode(wrangler([...apply, "-c", "wrangler.toml"], state));
  if (code !== 0) throw new Error("the D1 migrations could not be applied");
  mkdirSync(folder, { recursive: true });
  writeFileSync(note, wanted);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
