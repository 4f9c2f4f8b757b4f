/**
 * `npm run tables [-- --check]`: puts the last figures of bench/results into the documents, between
 * `<!-- table: NAME -->` and `<!-- end of table -->`. With --check it writes nothing, and exits with
 * 1 when a document holds others.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";
import { ROOT } from "../scripts/lib/project.ts";
import { documented, outdated, TABLES } from "./lib/documents.ts";

const { values } = parseArgs({ options: { check: { type: "boolean", default: false } } });
for (const path of Object.keys(TABLES)) {
  const file = join(ROOT, path);
  const text = readFileSync(file, "utf8");
  for (const name of outdated(path, text)) {
    console.log(`${path}: ${name} ${values.check ? "is out of date" : "was written anew"}`);
    if (values.check) process.exitCode = 1;
  }
  if (!values.check) writeFileSync(file, documented(path, text));
}
