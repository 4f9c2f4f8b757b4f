import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { ROOT } from "./project.ts";

/** Builds the package @lockstock/client and measures it. */

export const CLIENT = join(ROOT, "packages/client");
const DIST = join(CLIENT, "dist");
const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** What a page loads at most: everything, minified and compressed. Both READMEs say so. */
export const MAX_GZIP_BYTES = 6_000;

/** Writes modules and declarations into dist, and nothing else is left there. */
export function buildClient(): void {
  rmSync(DIST, { recursive: true, force: true });
  execFileSync(process.execPath, [TSC, "-p", CLIENT], { stdio: "inherit" });
  // The compiler renames imports in modules only.
  for (const name of readdirSync(DIST).filter((file) => file.endsWith(".d.ts"))) {
    const text = readFileSync(join(DIST, name), "utf8");
    writeFileSync(join(DIST, name), text.replace(/(from "\.\/[\w-]+)\.ts"/g, '$1.js"'));
  }
}

export interface ClientSize {
  minified_bytes: number;
  gzip_bytes: number;
}

/** Of a bundle of these exports. */
export async function clientSize(names: "*" | readonly string[] = "*"): Promise<ClientSize> {
  const imported = names === "*" ? "*" : `{ ${names.join(", ")} }`;
  const { outputFiles } = await build({
    stdin: { contents: `export ${imported} from "./src/index.ts";`, resolveDir: CLIENT },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    write: false,
  });
  const code = outputFiles[0]?.contents ?? new Uint8Array();
  return { minified_bytes: code.length, gzip_bytes: gzipSync(code).length };
}
