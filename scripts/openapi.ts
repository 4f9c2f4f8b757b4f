/**
 * Writes the API's description (public/openapi.json) and the tables of docs/authorization.md. See USAGE.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { contractFiles } from "../openapi/files.ts";
import { readOptions } from "./lib/options.ts";
import { ROOT } from "./lib/project.ts";

const USAGE = `usage: npm run openapi [-- --check]

  --check  writes nothing; exits with 1 when a file is out of date`;

const { check } = readOptions(USAGE, { check: false });
for (const [name, text] of Object.entries(contractFiles())) {
  const path = join(ROOT, name);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (check) {
    console.error(`${name} is out of date: run \`npm run openapi\``);
    process.exitCode = 1;
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
