import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { checkVars, localConfig } from "../../scripts/lib/local-config.ts";
import { ROOT } from "../../scripts/lib/project.ts";

let state = "";
beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), "lockstock-config-"));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(state, { recursive: true });
});

const written = (name: Parameters<typeof localConfig>[0]) => {
  const path = localConfig(name, state);
  return { path, toml: readFileSync(path, "utf8") };
};

describe("the config of a local run", () => {
  test("names the secrets that are set, and no others", () => {
    vi.stubEnv("AUTH_SECRET", "one secret of this test, long enough");
    vi.stubEnv("AUTH_SECRET_PREVIOUS", "");
    expect(written("wrangler.toml").toml).toContain('[secrets]\nrequired = ["AUTH_SECRET"]\n');
    vi.stubEnv("AUTH_SECRET_PREVIOUS", "the secret before of this test, too");
    const { toml } = written("wrangler.toml");
    expect(toml).toContain('required = ["AUTH_SECRET","AUTH_SECRET_PREVIOUS"]');
    expect(toml).not.toContain("of this test");
    vi.stubEnv("TURNSTILE_SECRET", "the secret of a widget of this test");
    expect(written("wrangler.toml").toml).toContain(',"TURNSTILE_SECRET"]');
  });

  test("gives the stock Worker none", () => {
    vi.stubEnv("AUTH_SECRET", "one secret of this test, long enough");
    const { toml } = written("wrangler.stock.toml");
    expect(toml.match(/required = .*/g)).toEqual(["required = []"]);
  });

  test.each(["wrangler.toml", "wrangler.stock.toml"] as const)("leads back: %s", (name) => {
    const { path, toml } = written(name);
    const lines = toml.match(/^(?:main|migrations_dir|watch_dir) = .+$/gm) ?? [];
    const paths = [...lines.join("\n").matchAll(/"(.+?)"/g)];
    expect(paths.length).toBeGreaterThan(0);
    for (const [, one = ""] of paths) expect(existsSync(resolve(dirname(path), one))).toBe(true);
    expect(toml).not.toMatch(/"(\.\/)?(src|packages|public|migrations)\b/);
  });
});

test("half of Turnstile's settings is told before the start", () => {
  vi.stubEnv("AUTH_SECRET", "one secret of this test, long enough");
  expect(checkVars()).toEqual([]);
  vi.stubEnv("TURNSTILE_SITE_KEY", "the site key");
  expect(checkVars()).toEqual([
    "every call for a guest will be 503: TURNSTILE_SITE_KEY is set without TURNSTILE_SECRET",
  ]);
});

test("a deployment needs no secret: one by AUTH_JWKS_URL has none", () => {
  expect(readFileSync(join(ROOT, "wrangler.toml"), "utf8")).not.toMatch(/^\[secrets\]/m);
});
