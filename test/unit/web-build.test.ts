import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import { buildWeb } from "../../scripts/lib/web.ts";

/** What a visitor's phone has to load of each page, compressed. */
const MAX_SCRIPT_BYTES = 60_000;

describe("the built pages", () => {
  let built: Awaited<ReturnType<typeof buildWeb>>;
  beforeAll(async () => {
    built = await buildWeb();
  });
  const text = (path: string) => {
    const file = built.files.find((one) => one.path === path);
    return Buffer.from(file?.contents ?? []).toString();
  };

  const NAMES = ["index.html", "console.html", "challenge.html"];
  test.each(NAMES)("%s loads less than 60 KB of JavaScript", (name) => {
    const scripts = built.pages.find(({ file }) => file === name)?.scripts ?? [];
    const bytes = scripts.reduce((sum, { contents }) => sum + gzipSync(contents).length, 0);
    expect(bytes).toBeGreaterThan(300);
    expect(bytes).toBeLessThan(MAX_SCRIPT_BYTES);
  });

  test.each(NAMES)("%s has nothing inline, and nothing from afar", (name) => {
    const html = text(name);
    expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|<style|\sstyle=|\son\w+=/);
    const urls = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url);
    const assets = new Set(built.files.map(({ path }) => `/${path}`));
    expect(urls.filter((url) => url !== "/docs" && !assets.has(url!))).toEqual([]);
  });

  test("assets are named by their contents, and cached for good", () => {
    const assets = built.files.filter(({ path }) => !path.endsWith(".html"));
    expect(assets.length).toBeGreaterThan(4);
    for (const { path } of assets) expect(path).toMatch(/^assets\/\w+-[0-9A-Z]{8}\.(js|css|svg)$/);
    const headers = readFileSync(join(ROOT, "public/_headers"), "utf8");
    expect(headers).toMatch(
      /^\/assets\/\*\n {2}Cache-Control: public, max-age=31536000, immutable$/m,
    );
  });

  test("the policy allows this origin's files and nothing else", () => {
    const headers = readFileSync(join(ROOT, "public/_headers"), "utf8");
    const policy = /Content-Security-Policy: (.+)/.exec(headers)?.[1] ?? "";
    const sources = policy.split("; ").map((directive) => directive.split(" ").slice(1));
    expect(policy).toContain("default-src 'self'");
    expect([...new Set(sources.flat())].toSorted()).toEqual(["'none'", "'self'"]);
  });
});
