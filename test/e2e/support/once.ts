import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inject } from "vitest";
import { until } from "./until.ts";

/**
 * A folder made once in a run, by the first of its processes that needs it; the others wait for it.
 * It is below the run's own folder (see `run-folder.ts`), and gone with it.
 */
export async function onceInRun(
  name: string,
  make: (folder: string) => Promise<unknown>,
): Promise<string> {
  const claimed = join(inject("runFolder"), name);
  const [folder, done] = [join(claimed, "made"), join(claimed, "done")];
  try {
    await mkdir(claimed); // fails for all but one
  } catch {
    await until(name, () => existsSync(done), 150_000);
    return folder;
  }
  await mkdir(folder);
  await make(folder);
  await writeFile(done, "");
  return folder;
}
