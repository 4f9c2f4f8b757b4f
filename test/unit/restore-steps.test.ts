import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { restoreSteps } from "../../scripts/restore/steps.ts";

test("nothing is frozen where the deployment's config is missing", async () => {
  const folder = mkdtempSync(join(tmpdir(), "lockstock-restore-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const operator = vi.fn<() => Promise<never>>();
  const [first] = restoreSteps({
    to: "2026-11-01T00:00:00Z",
    config: join(folder, "orders.json"),
    journal: join(folder, "restore.json"),
    operator,
  });
  await expect(first?.run()).rejects.toThrow("Nothing was frozen");
  expect(operator).not.toHaveBeenCalled();
});
