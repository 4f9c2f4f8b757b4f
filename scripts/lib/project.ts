import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseEnv } from "node:util";

export const ROOT = join(import.meta.dirname, "../..");
export const WRANGLER = join(ROOT, "node_modules/wrangler/bin/wrangler.js");
export const DEV_VARS = join(ROOT, ".dev.vars");
export const DEV_VARS_EXAMPLE = join(ROOT, ".dev.vars.example");

/** Files of D1's migrations in a folder below the root, oldest first. */
export const migrationNames = (folder = "migrations"): string[] =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".sql"))
    .toSorted();

/** The vars of a local run: .dev.vars (or its example), overridden by the environment. */
export function localVars(): Record<string, string | undefined> {
  const file = existsSync(DEV_VARS) ? DEV_VARS : DEV_VARS_EXAMPLE;
  return { ...parseEnv(readFileSync(file, "utf8")), ...process.env };
}
