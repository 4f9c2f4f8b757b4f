import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { UNITS } from "../../sim/kernel/code.ts";
import { queueSettings, varsOf } from "../../sim/platform/settings.ts";
import { ORDERS_MUTANTS } from "../../sim/mutants/orders.ts";
import { STOCK_MUTANTS } from "../../sim/mutants/stock.ts";

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
});

describe("the mutants", () => {
  const all = [...ORDERS_MUTANTS, ...STOCK_MUTANTS];

  it("are at least 25, each with a name of its own", () => {
    expect(all.length).toBeGreaterThanOrEqual(25);
    expect(new Set(all.map(({ name }) => name)).size).toBe(all.length);
  });

  it.each(all)("has its place in the code: $name", ({ file, from, to, also = [] }) => {
    for (const change of [{ from, to }, ...also]) {
      expect(read(file).split(change.from)).toHaveLength(2);
    }
  });
});
