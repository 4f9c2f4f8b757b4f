import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { compileFunction } from "node:vm";
import { build } from "esbuild";
import { ROOT } from "../../scripts/lib/project.ts";
import { WORKERS } from "../platform/settings.ts";
import { smallLimits } from "./limits.ts";

/**
 * The code under test, bundled once and evaluated afresh for every vat: an isolate that crashes
 * loses its module state (counters, memories, caches), as it does on the platform.
 */

/** The module that a Worker exports a class of Durable Objects from. */
function moduleOf(className: string, main: string): string {
  const exported = new RegExp(`^export \\{ ${className} \\} from "(.+)"`, "m");
  const [, path] = exported.exec(readFileSync(join(ROOT, main), "utf8")) ?? [];
  if (path === undefined) throw new Error(`${main} exports no ${className}`);
  return join(dirname(main), path);
}

/** What each vat runs: whole Workers, and the Durable Objects' classes by themselves. */
const UNITS = new Map(
  Object.entries(WORKERS).flatMap(([name, { main, durable_objects }]) => [
    [name, main] as const,
    ...(durable_objects?.bindings ?? []).map(
      ({ class_name }) => [class_name, moduleOf(class_name, main)] as const,
    ),
  ]),
);

export type Exports = Record<string, unknown>;
export type Evaluate = (globals: Record<string, unknown>) => Exports;

/** Pure, without clocks or state: the vats share it. */
const SHARED = ["valibot"];

class Base {
  readonly ctx: unknown;
  readonly env: unknown;
  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}
/** What the runtime gives as `cloudflare:workers`. */
const RUNTIME = { DurableObject: class extends Base {}, WorkerEntrypoint: class extends Base {} };

/** Names that the code finds as its globals. */
const GLOBALS = [
  "Date",
  "Math",
  "crypto",
  "setTimeout",
  "clearTimeout",
  "console",
  "Response",
  "WebSocket",
  "WebSocketPair",
  "WebSocketRequestResponsePair",
  "Blob",
] as const;

/** The code of a Worker or a class, by its name. Throws when there is none. */
export type Code = (unit: string) => Evaluate;
const loaded = new Map<boolean, Promise<Code>>();

/** `isSmall`: with the small limits of limits.ts, so that a few orders go past them. */
export function loadCode(isSmall: boolean): Promise<Code> {
  const code = loaded.get(isSmall) ?? load(isSmall ? smallLimits() : new Map());
  loaded.set(isSmall, code);
  return code;
}

async function load(changed: ReadonlyMap<string, string>): Promise<Code> {
  const require = createRequire(import.meta.url);
  const modules: Record<string, unknown> = { "cloudflare:workers": RUNTIME };
  for (const name of SHARED) modules[name] = await import(require.resolve(name));
  const units = [...UNITS].map(async ([unit, entry]) => {
    const text = await bundle(entry, changed);
    const names = ["require", "module", "exports", ...GLOBALS];
    const run = compileFunction(text, names, { filename: `simulated/${entry}` }) as (
      ...given: unknown[]
    ) => void;
    const evaluate: Evaluate = (globals) => {
      const module: { exports: Exports } = { exports: {} };
      const given = GLOBALS.map((name) => globals[name]);
      run((name: string) => modules[name], module, module.exports, ...given);
      return module.exports;
    };
    return [unit, evaluate] as const;
  });
  const evaluates = new Map(await Promise.all(units));
  return (unit) => {
    const evaluate = evaluates.get(unit);
    if (!evaluate) throw new Error(`no code of ${unit}`);
    return evaluate;
  };
}

async function bundle(entry: string, changed: ReadonlyMap<string, string>): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, entry)],
    absWorkingDir: ROOT,
    bundle: true,
    write: false,
    format: "cjs",
    platform: "browser",
    conditions: ["workerd", "worker"],
    external: ["cloudflare:workers", ...SHARED],
    target: "es2024",
    plugins: [
      {
        name: "limits",
        setup: (on) =>
          on.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const contents = changed.get(path);
            return contents === undefined ? null : { contents, loader: "ts" };
          }),
      },
    ],
  });
  const [file] = outputFiles;
  if (!file) throw new Error(`nothing came of ${entry}`);
  // Without esbuild's copy of every export of a shared module, made again for every vat.
  return file.text.replaceAll(/__toESM\((require\("[^"]+"\))(?:, 1)?\)/g, "$1");
}
