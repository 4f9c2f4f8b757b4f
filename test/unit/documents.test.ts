import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { documented, outdated, TABLES } from "../../bench/lib/documents.ts";
import { ROOT } from "../../scripts/lib/project.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

describe("the documents hold what bench/results says", () => {
  test.each(Object.keys(TABLES))("%s (else: npm run tables)", (path) => {
    expect(outdated(path, read(path))).toEqual([]);
  });

  test("another figure, and a table that is missing, are out of date until they are written", () => {
    const path = "docs/performance.md";
    const document = read(path);
    const changed = document
      .replace(/(\*\*\$)\d+\.\d+/, "$10.01")
      .replace("<!-- table: spread -->", "");
    expect(outdated(path, changed)).toEqual(["spread", "cost"]);
    expect(outdated(path, documented(path, changed))).toEqual(["spread"]);
  });

  test("a table that there is not is an error", () => {
    const asked = "<!-- table: nothing -->\n<!-- end of table -->";
    expect(() => documented("README.md", asked)).toThrow('a table "nothing"');
  });
});
