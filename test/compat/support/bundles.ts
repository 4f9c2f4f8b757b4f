import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { brotliCompressSync, brotliDecompressSync } from "node:zlib";
import { transform } from "esbuild";
import { bundle } from "../../../bench/lib/stack.ts";
import { ROOT } from "../../../scripts/lib/project.ts";
import { CONFIGURATIONS, folderOf } from "./versions.ts";

/** A Worker as it was deployed: its bundle, and the configuration whose bindings it has. */
export interface Released {
  /** Relative to the project. */
  config: string;
  script: string;
}

/** Of a version that is kept: with its own bindings, since newer ones name classes that it lacks. */
export function released(version: string): Released[] {
  return CONFIGURATIONS.map((file) => {
    const path = join(folderOf(version), "bundle", file);
    const script = brotliDecompressSync(readFileSync(scriptOf(path))).toString();
    return { config: relative(ROOT, path), script };
  });
}

/** Of the sources as they are. */
export const current = (): Promise<Released[]> =>
  Promise.all(CONFIGURATIONS.map(async (config) => ({ config, script: await bundle(config) })));

const scriptOf = (config: string): string => `${config}.js.br`;

/** Keeps both Workers of the sources as a version. A clone may be shallow, so no commit will do. */
export async function keepBundles(version: string): Promise<void> {
  const folder = join(folderOf(version), "bundle");
  mkdirSync(folder, { recursive: true });
  for (const { config, script } of await current()) {
    const { code } = await transform(script, { minify: true, format: "esm" });
    copyFileSync(join(ROOT, config), join(folder, basename(config)));
    writeFileSync(scriptOf(join(folder, basename(config))), brotliCompressSync(code));
  }
}
