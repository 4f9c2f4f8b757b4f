import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const ROOT = join(import.meta.dirname, "../..");
/** Many enough that each fault strikes in some; `npm run simulate` runs more. */
const SEEDS = 200;

// In processes of its own: two at once, and without the test runner's transforms.
it(
  `keeps every promise over ${SEEDS} seeds, with every fault struck`,
  { timeout: 300_000 },
  async () => {
    const args = ["sim/simulate.ts", "--seeds", `${SEEDS}`];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT }).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toContain(`seeds ${SEEDS} `);
    expect(stdout).toMatch(/^violations 0$/m);
    expect(stdout).not.toContain("never struck");
  },
);
