import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
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

  test("a missing table is an error", () => {
    const asked = "<!-- table: nothing -->\n<!-- end of table -->";
    expect(() => documented("README.md", asked)).toThrow('a table "nothing"');
  });
});

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "packages/client/README.md",
  ...readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".md"))
    .map((file) => `docs/${file}`)
    .toSorted(),
];

const withoutCode = (text: string): string => text.replace(/^```[^]*?^```$/gm, "");

/** The anchors that GitHub gives the headings of a document. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ""] of withoutCode(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const words = heading.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, "");
    const slug = words.trim().replaceAll(" ", "-");
    let anchor = slug;
    for (let n = 1; anchors.has(anchor); n++) anchor = `${slug}-${n}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Links and pictures of a document that lead to no file, or to no heading of one. */
function brokenLinks(path: string, text: string): string[] {
  const links = withoutCode(text).matchAll(/\]\(([^)\s]+)\)|\b(?:src|srcset|href)="([^"]+)"/g);
  return [...links]
    .map(([, markdown, html]) => markdown ?? html ?? "")
    .filter((link) => {
      if (/^https?:/.test(link)) return false;
      const [file = "", anchor] = link.split("#");
      const target = file === "" ? path : join(dirname(path), file);
      if (!existsSync(join(ROOT, target))) return true;
      if (anchor === undefined) return false;
      return !anchorsOf(target === path ? text : read(target)).has(anchor);
    });
}

/** Where the documents' paths start: `place/lane.ts` is short for `src/orders/place/lane.ts`. */
const BASES = ["", "src", "src/orders", "src/stock"];
const IS_PATH = /^[\w.@-]+(?:\/[\w.@-]+)*\/?$/;
const HAS_FILE_NAME = /\.(?:ts|tsx|js|mjs|css|sql|toml|md|json|html)$/;
/** As in `STATE/locks`: a word in capitals stands for a name. */
const HAS_PLACEHOLDER = /(?:^|\/)[A-Z]+(?:\/|$)/;
/** What a build makes, and a package. */
const NOT_IN_THE_TREE = new Set([
  "public/assets",
  "public/docs.html",
  "@hono/zod-openapi",
  "@lockstock/client",
]);

/** Paths in backticks that no file or folder has. */
function missingPaths(text: string): string[] {
  const quoted = [...withoutCode(text).matchAll(/`([^`\n]+)`/g)].map(([, words = ""]) => words);
  const paths = quoted.filter(
    (words) =>
      IS_PATH.test(words) &&
      !HAS_PLACEHOLDER.test(words) &&
      (words.includes("/") || HAS_FILE_NAME.test(words)),
  );
  return paths.filter(
    (path) =>
      !NOT_IN_THE_TREE.has(path) && !BASES.some((base) => existsSync(join(ROOT, base, path))),
  );
}

/** Commands of the kind `npm run NAME` that package.json does not have. */
function missingScripts(text: string): string[] {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  return [...text.matchAll(/\bnpm run (?:--silent )?([a-z:]+)/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !(name in scripts));
}

describe("what the documents name exists:", () => {
  test.each(DOCUMENTS)("links, paths and commands of %s", (path) => {
    const text = read(path);
    expect({
      links: brokenLinks(path, text),
      paths: missingPaths(text),
      scripts: missingScripts(text),
    }).toEqual({ links: [], paths: [], scripts: [] });
  });

  test("a file, a heading, a path and a command that are gone are found", () => {
    const links =
      "# Here and `now`\n[a](#here-and-now) [b](#there) [c](gone.md) [d](storage.md#d1)";
    expect(brokenLinks("docs/decisions.md", links)).toEqual(["#there", "gone.md", "storage.md#d1"]);
    const paths =
      "`place/lane.ts` `src/orders` `item/rules.ts` `lane/lane.ts` `lane.ts` `order.placed`";
    expect(missingPaths(paths)).toEqual(["lane/lane.ts", "lane.ts"]);
    expect(missingScripts("`npm run web`, `npm run --silent tokens`")).toEqual(["tokens"]);
  });
});
