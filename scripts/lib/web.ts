import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import process from "node:process";
import { build, type Metafile } from "esbuild";
import { ROOT } from "./project.ts";

/** Builds the pages of src/web: bundles named by their content, and one HTML file each. */

const SOURCE = join(ROOT, "src/web");
const ASSETS = "assets";

const PAGES = [
  {
    file: "index.html",
    source: "shop",
    title: "Lockstock: few of each, fairly sold",
    description: "Limited items, sold fairly: live stock, one click, an answer at once.",
  },
  {
    file: "console.html",
    source: "console",
    title: "Lockstock console",
    description: "The sale as it runs, for its operators.",
  },
  {
    file: "challenge.html",
    source: "challenge",
    title: "Lockstock: check of new guests",
    description: "Shows that a new guest is not a robot.",
  },
];

/** Contents of a built file, and where it goes, relative to the folder of the static assets. */
export interface BuiltFile {
  path: string;
  contents: Uint8Array;
}

export interface BuiltPage {
  file: string;
  /** Every script that it loads. */
  scripts: BuiltFile[];
}

export async function buildWeb(): Promise<{ files: BuiltFile[]; pages: BuiltPage[] }> {
  const out = join(ROOT, "public");
  const { metafile, outputFiles } = await build({
    entryPoints: [
      ...PAGES.flatMap(({ source }) => [
        { in: `${SOURCE}/${source}/main.tsx`, out: source },
        { in: `${SOURCE}/${source}/${source}.css`, out: source },
      ]),
      { in: `${SOURCE}/mark.svg`, out: "mark" },
    ],
    absWorkingDir: ROOT,
    outdir: join(out, ASSETS),
    entryNames: "[name]-[hash]",
    chunkNames: "shared-[hash]",
    bundle: true,
    splitting: true,
    minify: true,
    format: "esm",
    target: ["chrome123", "firefox120", "safari17.5"], // the first with light-dark() in CSS
    loader: { ".svg": "copy" },
    tsconfig: join(SOURCE, "tsconfig.json"),
    legalComments: "none",
    metafile: true,
    write: false,
  });
  const assets = outputFiles.map(({ path, contents }) => ({ path: relative(out, path), contents }));
  const template = readFileSync(join(SOURCE, "page.html"), "utf8");
  const pages = PAGES.map((page) => ({ ...page, html: html(template, page, metafile) }));
  const texts = pages.map(({ file, html: { text } }) => ({
    path: file,
    contents: new TextEncoder().encode(text),
  }));
  return {
    files: [...assets, ...texts],
    pages: pages.map(({ file, html: { scripts } }) => ({
      file,
      scripts: assets.filter(({ path }) => scripts.includes(`/${path}`)),
    })),
  };
}

function html(template: string, page: (typeof PAGES)[number], metafile: Metafile) {
  const { source, title, description } = page;
  const script = outputOf(metafile, `src/web/${source}/main.tsx`);
  const chunks = (metafile.outputs[script]?.imports ?? []).map(({ path }) => urlOf(path));
  const values: Record<string, string> = {
    title,
    description,
    icon: urlOf(outputOf(metafile, "src/web/mark.svg")),
    style: urlOf(outputOf(metafile, `src/web/${source}/${source}.css`)),
    script: urlOf(script),
    preload: chunks.map((url) => `<link rel="modulepreload" href="${url}" />`).join("\n    "),
  };
  const text = template.replace(/\{\{(\w+)\}\}/g, (_, name: string) => values[name] ?? "");
  return { text, scripts: [urlOf(script), ...chunks] };
}

function outputOf({ outputs }: Metafile, source: string): string {
  // A copied file has inputs, but is no entry point.
  const found = Object.entries(outputs).find(
    ([path, { entryPoint, inputs }]) =>
      entryPoint === source || (path.endsWith(".svg") && source in inputs),
  );
  if (!found) throw new Error(`nothing was built from ${source}`);
  return found[0];
}

const urlOf = (output: string): string => output.replace(/^public/, "");

/**
 * Writes them into public/ and removes what an earlier build has left in public/assets. What has
 * not changed is not written: a running `wrangler dev` would reload.
 */
export function writeWeb(files: readonly BuiltFile[]): void {
  const out = join(ROOT, "public");
  mkdirSync(join(out, ASSETS), { recursive: true });
  for (const { path, contents } of files) writeChanged(join(out, path), contents);
  const wanted = new Set(files.map(({ path }) => basename(path)));
  for (const name of readdirSync(join(out, ASSETS))) {
    if (!wanted.has(name)) rmSync(join(out, ASSETS, name), { force: true });
  }
}

/** Two builds may run at once, e.g. of two tests: nobody ever sees half a file. */
function writeChanged(path: string, contents: Uint8Array): void {
  try {
    if (readFileSync(path).equals(contents)) return;
  } catch {
    // It is not there yet.
  }
  const draft = join(dirname(path), `.${basename(path)}.${process.pid}`);
  writeFileSync(draft, contents);
  renameSync(draft, path);
}
