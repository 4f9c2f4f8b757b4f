import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** A folder for what the files of a project share, gone after the run. */
    runFolder: string;
  }
}

/** A global setup of Vitest. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), "lockstock-run-"));
  project.provide("runFolder", folder);
  return () => rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
