import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { CLIENT, clientSize, MAX_GZIP_BYTES } from "../../scripts/lib/client.ts";
import { ROOT } from "../../scripts/lib/project.ts";
import { VERSION } from "../../src/runtime/version.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("package and Workers have the product's version; the package has its license text and range of Node, and no dependency", () => {
  const own = JSON.parse(read("packages/client/package.json"));
  const product = JSON.parse(read("package.json"));
  expect(own.version).toBe(product.version);
  expect(VERSION).toBe(product.version);
  expect(own.engines).toEqual(product.engines);
  expect(Object.keys(own).filter((name) => /dependencies/i.test(name))).toEqual([]);
  expect(read("packages/client/LICENSE")).toBe(read("LICENSE"));
});

describe("its size", () => {
  let all: number;
  beforeAll(async () => {
    all = (await clientSize()).gzip_bytes;
  });

  test("is within the limit, which the documents name", () => {
    expect(all).toBeGreaterThan(2_000);
    expect(all).toBeLessThan(MAX_GZIP_BYTES);
    const claim = `less than ${MAX_GZIP_BYTES / 1_000} kB, minified and gzipped`;
    for (const path of ["README.md", "packages/client/README.md"]) {
      expect(read(path)).toContain(claim);
    }
  });

  test("is less for who uses less of it", async () => {
    expect((await clientSize(["verifyWebhook"])).gzip_bytes).toBeLessThan(all / 3);
  });
});

test("every function, class and method that it exports has an example", () => {
  const exported = readFileSync(join(CLIENT, "src/index.ts"), "utf8");
  const names = [...exported.matchAll(/\b(createClient|retry|problemOf|verifyWebhook)\b/g)];
  expect(new Set(names.map(([, name]) => name)).size).toBe(4);
  const bare = readdirSync(join(CLIENT, "src")).flatMap((file) => {
    const text = readFileSync(join(CLIENT, "src", file), "utf8");
    const members = file === "client.ts" ? methodsOf(text) : [];
    const found = text.matchAll(
      /(\/\*\*(?:(?!\*\/)[^])*\*\/\n)?export (?:async )?(?:function\*?|class) (\w+)/g,
    );
    const own = [...found].flatMap(([, comment = "", name = ""]) =>
      new RegExp(`\\b${name}\\b`).test(exported) && !comment.includes("@example") ? [name] : [],
    );
    return [...members, ...own];
  });
  expect(bare).toEqual([]);
});

/** Methods of the interface `Client` without an example. */
function methodsOf(text: string): string[] {
  const [, body = ""] = /export interface Client \{\n([^]*?)\n\}/.exec(text) ?? [];
  const methods = [...body.matchAll(/( {2}\/\*\*(?:(?!\*\/)[^])*\*\/\n)? {2}(\w+)(?:<T>)?\(/g)];
  expect(methods.length).toBeGreaterThan(15);
  return methods.flatMap(([, comment = "", name = ""]) =>
    comment.includes("@example") ? [] : [name],
  );
}
