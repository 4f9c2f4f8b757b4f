/** Prints the rooms of `src` and what each imports, the top floor first. See USAGE. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { cycles, picture, readImports, upwardImports, withPicture } from "./lib/import-graph.ts";
import { readOptions } from "./lib/options.ts";
import { ROOT } from "./lib/project.ts";

const USAGE = `usage: npm run graph [-- --write]

  --write  puts what it prints into docs/architecture.md

Exits with 1 when an import leads up, or files import each other.`;

const { write } = readOptions(USAGE, { write: false });
const imports = readImports();
console.log(picture(imports));
if (write) {
  const path = join(ROOT, "docs/architecture.md");
  writeFileSync(path, withPicture(readFileSync(path, "utf8"), picture(imports)));
}
const faults = [
  ...upwardImports(imports).map((fault) => `leads up: ${fault}`),
  ...cycles(imports).map((cycle) => `cycle: ${cycle}`),
];
console.log(`\n${imports.size} files, ${faults.length} imports that lead up or in a circle`);
for (const fault of faults) console.error(fault);
if (faults.length > 0) process.exitCode = 1;
