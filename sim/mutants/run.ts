import { spawn } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readOptions } from "../../scripts/lib/options.ts";
import { MUTANTS } from "./all.ts";
import { changesOf, type Mutant } from "./mutant.ts";
import { applyChanges, readSource } from "./places.ts";
import { repairFiles } from "./repair.ts";

const USAGE = `usage: npm run mutants [-- --only TEXT,TEXT --seeds N --jobs N | --repair]

Puts each deliberate bug into a copy of the tree, and runs the simulation on it until a seed finds it.
Ends with 1 when a bug survives all seeds.

  --only    bugs whose name or file holds one of these texts
  --seeds   seeds of each bug at most; default 2000
  --jobs    simulations at the same time; default 2
  --repair  rewrites the quotes of the source in sim/mutants and sim/kernel/limits.ts to what the
            source says now; ends with 1 when a quote has no place any more`;

const values = readOptions(USAGE, { only: "", seeds: 2000, jobs: 2, repair: false });
const ROOT = join(import.meta.dirname, "../..");
/** What the simulation reads. */
const TREE = [
  "src",
  "sim",
  "scripts/lib",
  "migrations",
  "package.json",
  "wrangler.toml",
  "wrangler.stock.toml",
];
const SIMULATION_MS = 600_000;

interface Verdict {
  mutant: Mutant;
  /** The first seed that found it; null: none did. */
  seed: number | null;
  violation: string;
  seconds: number;
}

const mutants = MUTANTS.filter(({ name, file }) =>
  values.only.split(",").some((part) => `${name} ${file}`.includes(part)),
);
const waiting = [...mutants];
const verdicts: Verdict[] = [];
if (values.repair) process.exit(repairFiles(ROOT) ? 0 : 1);
await Promise.all(Array.from({ length: values.jobs }, work));
const survivors = verdicts.filter(({ seed }) => seed === null);
const latest = verdicts.toSorted((a, b) => (b.seed ?? 0) - (a.seed ?? 0))[0];
console.log(
  `\n${verdicts.length} mutants, ${verdicts.length - survivors.length} killed, at the latest by ` +
    `seed ${latest?.seed} (${latest?.mutant.name}), ${survivors.length} survived ${values.seeds} seeds`,
);
process.exitCode = survivors.length > 0 ? 1 : 0;

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
    const start_ms = performance.now();
    const tree = plant(mutant);
    try {
      const found = await kill(mutant, tree);
      const verdict = { mutant, ...found, seconds: (performance.now() - start_ms) / 1_000 };
      verdicts.push(verdict);
      print(verdict);
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  }
}

function print({ mutant, seed, violation, seconds }: Verdict): void {
  const columns = [
    (seed === null ? "SURVIVED" : `seed ${seed}`).padEnd(9),
    `${seconds.toFixed(1)} s`.padStart(7),
    mutant.name.padEnd(66),
    violation.slice(0, 90),
  ];
  console.log(columns.join("  ").trimEnd());
}

/** A copy of the tree with the bug in it. */
function plant(mutant: Mutant): string {
  const tree = mkdtempSync(join(tmpdir(), "lockstock-mutant-"));
  for (const part of TREE) cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  const changed = applyChanges(changesOf(mutant), readSource(tree));
  for (const [file, text] of changed) writeFileSync(join(tree, file), text);
  return tree;
}

async function kill(mutant: Mutant, tree: string): Promise<Pick<Verdict, "seed" | "violation">> {
  const args = ["sim/simulate.ts", "--seeds", String(values.seeds), "--workers", "1", "--brief"];
  const { output, isLate, isFailed } = await run(args, tree);
  const found = /seed (\d+): (.*)/.exec(output);
  if (found) return { seed: Number(found[1]), violation: found[2] ?? "" };
  if (isFailed) throw new Error(`${mutant.name} does not even run: ${output.slice(-500)}`);
  return { seed: null, violation: isLate ? `not done in ${SIMULATION_MS / 1_000} s` : "" };
}

/** Node in a tree, and whether it was out of time or ended with an error. */
function run(
  args: string[],
  cwd: string,
): Promise<{ output: string; isLate: boolean; isFailed: boolean }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    let output = "";
    let isLate = false;
    const collect = (chunk: Buffer) => {
      output += chunk.toString();
    };
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, SIMULATION_MS);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ output, isLate, isFailed: code !== 0 && !isLate });
    });
  });
}
