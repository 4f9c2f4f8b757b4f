/**
 * Keeps what this version sends, answers and stores in test/compat/VERSION, the version of
 * package.json. Run once for each release (CONTRIBUTING.md, "Releasing"). A version that is kept
 * already is refused, since its files stand for code that runs somewhere; --again replaces them.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import project from "../../package.json" with { type: "json" };
import { keepBundles } from "./support/bundles.ts";
import { folderOf, isKept, record } from "./support/versions.ts";

const { version } = project;
if (isKept(version) && !process.argv.includes("--again")) {
  console.error(
    `test/compat/${version} is there already: raise the version of package.json first` +
      " (or --again, if it was never deployed)",
  );
  process.exit(1);
}
mkdirSync(folderOf(version), { recursive: true });
for (const [name, value] of Object.entries(await record())) {
  writeFileSync(join(folderOf(version), `${name}.json`), text(value));
  console.log(`test/compat/${version}/${name}.json`);
}

await keepBundles(version);
console.log(`test/compat/${version}/bundle`);

/** A line for each entry, so that a difference between versions can be read. */
function text(value: object): string {
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const lines = Object.entries(value).map(([key, entry]) => {
    const name = Array.isArray(value) ? "" : `${JSON.stringify(key)}: `;
    if (Array.isArray(value) || !Array.isArray(entry)) return name + JSON.stringify(entry);
    return `${name}[\n${entry.map((one) => JSON.stringify(one)).join(",\n")}\n]`;
  });
  return `${open}\n${lines.join(",\n")}\n${close}\n`;
}
