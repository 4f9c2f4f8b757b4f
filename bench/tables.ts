/**
 * `npm run tables`: puts the last figures of bench/results into the documents, between
 * `<!-- table: NAME -->` and `<!-- end of table -->`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { readOptions } from "../scripts/lib/options.ts";
import { ROOT } from "../scripts/lib/project.ts";
import { documented, outdated, TABLES } from "./lib/documents.ts";

const USAGE = `usage: npm run tables [-- --check]

  --check  writes nothing; exits with 1 when a document holds other figures`;

const { check } = readOptions(USAGE, { check: false });
for (const path of Object.keys(TABLES)) {
  const file = join(ROOT, path);
  const text = readFileSync(file, "utf8");
  for (const name of outdated(path, text)) {
    console.log(`${path}: ${name} ${check ? "is out of date" : "was written anew"}`);
    if (check) process.exitCode = 1;
  }
  if (!check) writeFileSync(file, documented(path, text));
}
