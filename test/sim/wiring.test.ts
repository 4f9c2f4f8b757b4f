import { readFileSync } from "node:fs";
import { join } from "node:path";
import { transformSync } from "esbuild";
import { describe, expect, it } from "vitest";
import { experimental_readRawConfig } from "wrangler";
import { loadCode } from "../../sim/kernel/code.ts";
import { LIMITS } from "../../sim/kernel/limits.ts";
import { MUTANTS } from "../../sim/mutants/all.ts";
import { changesOf } from "../../sim/mutants/mutant.ts";
import { applyChanges, findPlace, readSource } from "../../sim/mutants/places.ts";
import { QUOTING, quotesIn } from "../../sim/mutants/quotes.ts";
import { requireSimulated, WORKERS } from "../../sim/platform/settings.ts";
import { System } from "../../sim/system.ts";
import { planFor } from "../../sim/workload/plan.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

const CONFIGS = {
  "wrangler.toml": WORKERS.orders,
  "wrangler.stock.toml": WORKERS.stock,
};

describe("the simulation runs what is deployed", () => {
  it.each(Object.entries(CONFIGS))("reads %s as wrangler does", (file, config) => {
    const { rawConfig } = experimental_readRawConfig({ config: join(ROOT, file) });
    expect(config).toEqual(rawConfig);
  });

  it("gives both Workers every binding of their configurations", async () => {
    const system = new System(await loadCode(false), { seed: 1 }, {});
    const bindings = (file: string) =>
      [...read(file).matchAll(/^(?:binding|name) = "([A-Z_]+)"/gm)].map(([, name]) => name);
    const expected = bindings("wrangler.toml").filter((name) => name !== "ASSETS");
    expect(Object.keys(system.http.open().env)).toEqual(expect.arrayContaining(expected));
    expect(Object.keys(system.stock.open().env)).toEqual(
      expect.arrayContaining(bindings("wrangler.stock.toml")),
    );
    system.dispose();
  });

  it("refuses a binding that it has no stand-in for", () => {
    const config = { ...WORKERS.orders, kv_namespaces: [{ binding: "CACHE" }] };
    expect(() => requireSimulated(config)).toThrow(
      "lockstock-orders: the simulation has no stand-in for kv_namespaces",
    );
  });
});

describe("the small limits", () => {
  it("let as many callers wait as hang up in a blackout, so that one who waits later notices their slots", () => {
    const limit = LIMITS.find(({ from }) => from.includes("MAX_WAITERS"));
    const seeds = Array.from({ length: 100 }, (_, i) => planFor(i + 1));
    const plan = seeds.find(({ blackout }) => blackout !== null);
    const late = plan?.clients.find(({ name }) => name === "late");
    const hangUps = late?.steps.filter((step) => "hangsUpAfter_ms" in step) ?? [];
    expect(limit?.to).toBe(`const MAX_WAITERS = ${hangUps.length};`);
  });
});

describe("the mutants", () => {
  it("are at least 25, each with a name of its own", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });

  const sources = readSource(ROOT);

  it.each(MUTANTS)("leave code that parses: $name", (mutant) => {
    // A quote that begins in the middle of an expression would leave half of one.
    for (const [file, text] of applyChanges(changesOf(mutant), sources))
      expect(() =>
        transformSync(text, { loader: file.endsWith("x") ? "tsx" : "ts" }),
      ).not.toThrow();
  });
});

describe("the quotes of the source", () => {
  const sources = readSource(ROOT);
  const quotes = QUOTING.flatMap(({ path, list }) =>
    quotesIn(read(path), list).map(({ line, change }) => ({ at: `${path}:${line}`, change })),
  );

  it.each(quotes)("have a place in the code: $at", ({ change }) => {
    // Throws when there is none, and says what is nearest.
    expect(findPlace(change, sources).file).toMatch(/^src\//);
  });
});
