import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UNITS } from "../../sim/kernel/code.ts";
import { queueSettings, rateSettings, varsOf } from "../../sim/platform/settings.ts";
import { MUTANTS } from "../../sim/mutants/all.ts";
import { findPlace, readSource } from "../../sim/mutants/places.ts";
import { QUOTING, quotesIn } from "../../sim/mutants/quotes.ts";

const ROOT = join(import.meta.dirname, "../..");
const read = (file: string) => readFileSync(join(ROOT, file), "utf8");

describe("the simulation runs what is deployed", () => {
  it.each([
    ["OrderDesk", "orders", UNITS.desk],
    ["Reconciler", "orders", UNITS.reconciler],
    ["CustomerFeed", "orders", UNITS.feed],
    ["StockItem", "stock", UNITS.item],
  ])("takes %s from where the Worker %s takes it", (name, worker, file) => {
    const path = file.replace(`src/${worker}/`, "./");
    expect(read(`src/${worker}/worker.ts`)).toContain(`export { ${name} } from "${path}"`);
  });

  it("knows every queue of both configurations", () => {
    const names = queueSettings().map(({ name }) => name);
    expect(names.sort()).toEqual(
      ["order-events", "order-events-dlq", "stock-events", "stock-events-dlq"].sort(),
    );
    for (const settings of queueSettings()) {
      expect(Object.values(settings).some(Number.isNaN)).toBe(false);
    }
    expect(varsOf("wrangler.toml").SOLD_OUT_GATE).toBe("on");
  });

  it("knows both limiters", () => {
    expect(rateSettings()).toEqual([
      { name: "RATE_ORDERS", limit: 60, period_ms: 60_000 },
      { name: "RATE_GUESTS", limit: 30, period_ms: 60_000 },
    ]);
  });
});

describe("the mutants", () => {
  it("are at least 25, each with a name of its own", () => {
    expect(MUTANTS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
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
