import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../../../scripts/lib/project.ts";
import { execute } from "./npm-start.ts";

/** The package @lockstock/client as it would be published, installed into a project of its own. */
export interface Project {
  folder: string;
  /** The files in the package, by their paths. */
  files: string[];
  manifest: { version: string; dependencies?: object };
}

const PROGRAM = join(import.meta.dirname, "packed-program.ts");

/** Packs it and installs it, without the network. The folder is the caller's to remove. */
export async function packedProject(): Promise<Project> {
  const folder = mkdtempSync(join(tmpdir(), "lockstock-client-"));
  const pack = ["pack", join(ROOT, "packages/client"), "--pack-destination", folder];
  await execute("npm", pack, { cwd: ROOT });
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const install = ["install", "--offline", "--no-audit", "--no-fund", `./${tarball}`];
  await execute("npm", install, { cwd: folder });
  const installed = join(folder, "node_modules/@lockstock/client");
  cpSync(PROGRAM, join(folder, "program.ts"));
  return {
    folder,
    files: readdirSync(installed, { recursive: true, encoding: "utf8" }).toSorted(),
    manifest: JSON.parse(readFileSync(join(installed, "package.json"), "utf8")),
  };
}

/** The examples of its readme as files; an example without imports goes on from the one before. */
export function examplesOf({ folder }: Project): string[] {
  const readme = readFileSync(join(folder, "node_modules/@lockstock/client/README.md"), "utf8");
  const programs: string[] = [];
  for (const [, code = ""] of readme.matchAll(/^```ts\n([^]*?)^```$/gm)) {
    if (code.startsWith("import")) programs.push(code);
    else programs.push(`${programs.pop() ?? ""}\n${code}`);
  }
  return programs;
}

const TSC = join(ROOT, "node_modules/typescript/bin/tsc");

/** What the compiler says of the program, as strict as it can be, with these globals. */
export async function typeErrors(
  { folder }: Project,
  name: string,
  globals: { lib: string[]; types: string[] },
  programs: readonly string[] = [],
): Promise<string> {
  const own = join(folder, name);
  mkdirSync(own);
  const compilerOptions = {
    target: "es2024",
    module: "nodenext",
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    ...globals,
  };
  programs.forEach((code, i) => writeFileSync(join(own, `example-${i}.ts`), code));
  const config = { compilerOptions, include: ["../program.ts", "*.ts"] };
  writeFileSync(join(own, "tsconfig.json"), JSON.stringify(config));
  writeFileSync(join(own, "package.json"), JSON.stringify({ type: "module" }));
  writeFileSync(
    join(own, "globals.ts"),
    `import { createClient } from "@lockstock/client";
    export const shop = createClient({ url: "https://shop.example", fetch, WebSocket });
    export const verified = (request: Request, stop: AbortController) =>
      shop.wait(request.url, { signal: stop.signal });`,
  );
  return await execute(process.execPath, [TSC, "-p", own]).then(
    () => "",
    (error: { stdout: string; stderr: string }) => error.stdout + error.stderr,
  );
}
