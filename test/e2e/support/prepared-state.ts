import { cp } from "node:fs/promises";
import process from "node:process";
import { emptyState, environment, execute, ROOT, type Test } from "./npm-start.ts";
import { onceInRun } from "./once.ts";

/**
 * A state as the first `npm start` leaves it, with the migrations and the demo catalogue with its
 * stock. For tests of what comes after: preparing a state takes longer than starting on it.
 */
export async function preparedState(test: Test): Promise<string> {
  const state = await emptyState(test);
  const original = await onceInRun("prepared-state", (folder) =>
    execute(process.execPath, ["scripts/prepare.ts", folder], { cwd: ROOT, env: environment() }),
  );
  await cp(original, state, { recursive: true });
  return state;
}
