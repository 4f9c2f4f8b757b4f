import { existsSync } from "node:fs";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { emptyState, environment, execute, ROOT, type Test } from "./npm-start.ts";
import { until } from "./until.ts";

/**
 * A state as the first `npm start` leaves it, with the migrations and the demo catalogue with its
 * stock. For tests of what comes after: preparing a state takes longer than starting on it.
 */
export async function preparedState(test: Test): Promise<string> {
  const state = await emptyState(test);
  await cp(await original(), state, { recursive: true });
  return state;
}

/** Prepared once in a run, by the first of its processes that needs it. */
async function original(): Promise<string> {
  const folder = inject("runFolder");
  const [claimed, done] = [join(folder, "claimed"), join(folder, "done")];
  const state = join(folder, "state");
  try {
    await mkdir(claimed); // fails for all but one
  } catch {
    await until("the prepared state", () => existsSync(done), 150_000);
    return state;
  }
  await mkdir(state);
  const options = { cwd: ROOT, env: environment() };
  await execute(process.execPath, ["scripts/prepare.ts", state], options);
  await writeFile(done, "");
  return state;
}
