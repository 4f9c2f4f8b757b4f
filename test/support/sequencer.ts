import type { TestSpecification } from "vitest/node";
import { BaseSequencer } from "vitest/node";

/**
 * Files that take longest even on an idle machine, longest first. A long file that begins last would
 * run on alone.
 */
const LONGEST = [
  "life/money-matrix",
  "e2e/deploy",
  "e2e/restore",
  "e2e/deploy-refused",
  "e2e/npm-start-faults",
  "e2e/queue-lost",
  "browser/restart",
  "e2e/stock-absent",
  "browser/shop",
  "browser/console",
  "e2e/hostile-sockets",
  "e2e/npm-start-ready",
  "e2e/life-stock-away",
  "e2e/vanishing-clients",
  "e2e/identity",
];

/** Then whole projects: those that mostly wait begin before those that need the processor. */
const PROJECTS = ["e2e", "browser", "life", "hostile", "orders", "stock"];

/** One project after the other, so that its files meet the workerd of the file before. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rankOf(a) - rankOf(b));
  }
}

function rankOf({ moduleId, project }: TestSpecification): number {
  const long = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
  if (long >= 0) return long;
  const place = PROJECTS.indexOf(project.name);
  return LONGEST.length + (place < 0 ? PROJECTS.length : place);
}
