/** Prints `N passed, N failed` from a vitest JSON report; exits with 1 unless all of some passed. */
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

interface Report {
  numPassedTests: number;
  testResults: { status: string; assertionResults: { status: string }[] }[];
}

const path = process.argv[2];
if (!path) throw new Error("usage: test-totals.ts REPORT");
const { numPassedTests: passed, testResults }: Report = existsSync(path)
  ? JSON.parse(readFileSync(path, "utf8"))
  : { numPassedTests: 0, testResults: [] };

let failed = 0;
for (const { status, assertionResults } of testResults) {
  const failures = assertionResults.filter((test) => test.status === "failed").length;
  failed += status === "failed" ? Math.max(failures, 1) : failures; // a file may fail as a whole
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;
