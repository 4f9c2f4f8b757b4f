import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Mutant } from "./mutant.ts";
import { ORDERS_MUTANTS } from "./orders.ts";
import { STOCK_MUTANTS } from "./stock.ts";

/**
 * npm run mutants [-- --only TEXT] [--seeds N]
 * Puts each bug into a copy of the tree and runs the simulation over it, then the tests, until one
 * of them fails. Ends with 1 when a bug survives all.
 */

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    seeds: { type: "string", default: "400" },
    jobs: { type: "string", default: "2" },
  },
});
const ROOT = join(import.meta.dirname, "../..");
const TREE = [
  "src",
  "sim",
  "migrations",
  "test",
  "package.json",
  "tsconfig.json",
  "vitest.config.ts",
  "wrangler.toml",
  "wrangler.stock.toml",
  ".dev.vars",
  ".dev.vars.example",
];
/** Tests that tell in seconds; the first project that fails has found the bug. */
const PROJECTS = ["unit", "stock", "orders"];
const SIMULATION_MS = 90_000;
const TESTS_MS = 120_000;

interface Verdict {
  mutant: Mutant;
  killer: string | null;
  where: string;
  seconds: number;
}

const mutants = [...STOCK_MUTANTS, ...ORDERS_MUTANTS].filter(({ name, file }) =>
  `${name} ${file}`.includes(values.only),
);
const waiting = [...mutants];
const verdicts: Verdict[] = [];
await Promise.all(Array.from({ length: Number(values.jobs) }, work));
const survivors = verdicts.filter(({ killer }) => killer === null);
const bySimulation = verdicts.filter(({ killer }) => killer === "simulation").length;
console.log(
  `\n${verdicts.length} mutants, ${bySimulation} killed by the simulation, ${verdicts.length - bySimulation - survivors.length} by tests, ${survivors.length} survived`,
);
process.exitCode = survivors.length > 0 ? 1 : 0;

async function work(): Promise<void> {
  for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
    const start_ms = performance.now();
    const tree = plant(mutant);
    try {
      const { killer, where } = await kill(mutant, tree);
      const verdict = { mutant, killer, where, seconds: (performance.now() - start_ms) / 1_000 };
      verdicts.push(verdict);
      print(verdict);
    } finally {
      rmSync(tree, { recursive: true, force: true });
    }
  }
}

function print({ mutant, killer, where, seconds }: Verdict): void {
  const columns = [
    (killer ?? "SURVIVED").padEnd(10),
    `${seconds.toFixed(1)} s`.padStart(8),
    mutant.name.padEnd(64),
    where,
  ];
  console.log(columns.join("  ").trimEnd());
}

/** A copy of the tree with the bug in it. */
function plant({ file, from, to, also = [] }: Mutant): string {
  const tree = mkdtempSync(join(tmpdir(), "lockstock-mutant-"));
  for (const part of TREE) {
    if (existsSync(join(ROOT, part)))
      cpSync(join(ROOT, part), join(tree, part), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(tree, "node_modules"));
  let text = readFileSync(join(tree, file), "utf8");
  for (const change of [{ from, to }, ...also]) {
    if (text.split(change.from).length !== 2)
      throw new Error(`${file} does not hold exactly once: ${change.from}`);
    text = text.replace(change.from, () => change.to);
  }
  writeFileSync(join(tree, file), text);
  return tree;
}

async function kill(
  mutant: Mutant,
  tree: string,
): Promise<{ killer: string | null; where: string }> {
  if (mutant.isUnseen === undefined) {
    const seeds = ["--seeds", values.seeds, "--workers", "1", "--brief"];
    const { output, isFailed } = await run(
      "node",
      ["sim/simulate.ts", ...seeds],
      tree,
      SIMULATION_MS,
    );
    const found = /seed (\d+): (.*)/.exec(output);
    if (found)
      return { killer: "simulation", where: `seed ${found[1]}: ${found[2]?.slice(0, 90)}` };
    if (isFailed) throw new Error(`${mutant.name} does not even run: ${output.slice(-500)}`);
  }
  if (!existsSync(join(tree, "test"))) return { killer: null, where: "" };
  for (const project of PROJECTS) {
    if (!existsSync(join(tree, "test", project))) continue;
    const { output, isFailed } = await run(
      "npx",
      ["vitest", "run", "--project", project, "--bail", "1"],
      tree,
      TESTS_MS,
    );
    const name = /FAIL\s+(.*)/.exec(output)?.[1] ?? "";
    if (isFailed && name !== "") return { killer: project, where: name.slice(0, 120) };
  }
  return { killer: null, where: "" };
}

function run(
  command: string,
  args: string[],
  cwd: string,
  limit_ms: number,
): Promise<{ output: string; isFailed: boolean }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      detached: true,
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
    // Out of time is no verdict: the next test decides.
    const timer = setTimeout(() => {
      isLate = true;
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    }, limit_ms);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ output, isFailed: code !== 0 && !isLate });
    });
  });
}
