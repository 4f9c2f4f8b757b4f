import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  cycles,
  picture,
  readImports,
  upwardImports,
  withPicture,
} from "../../scripts/lib/import-graph.ts";

const imports = readImports();

describe("the floors of src", () => {
  test("no import leads up, and every file is in a room", () => {
    expect(imports.size).toBeGreaterThan(100);
    expect(upwardImports(imports)).toEqual([]);
  });

  test("no files import each other, types included", () => {
    expect(cycles(imports)).toEqual([]);
  });

  test("docs/architecture.md has the picture that `npm run graph` prints", () => {
    const document = readFileSync(join(import.meta.dirname, "../../docs/architecture.md"), "utf8");
    expect(document).toBe(withPicture(document, picture(imports)));
  });
});

describe("what would break them is found", () => {
  test("an import of a higher floor, of a neighbour on the same floor, and a file in no room", () => {
    const broken = new Map([
      ["orders/order/order.ts", ["orders/place/lane.ts"]],
      ["orders/place/lane.ts", ["orders/reconcile/reconcile.ts", "orders/place/other.ts"]],
      ["orders/new/file.ts", ["contract/sku.ts"]],
      ["runtime/log.ts", ["contract/sku.ts"]],
    ]);
    expect(upwardImports(broken)).toEqual([
      "orders/order/order.ts -> orders/place/lane.ts",
      "orders/place/lane.ts -> orders/reconcile/reconcile.ts",
      "orders/new/file.ts is in no room",
    ]);
  });

  test("a cycle, however long", () => {
    const broken = new Map([
      ["a.ts", ["b.ts"]],
      ["b.ts", ["c.ts", "d.ts"]],
      ["c.ts", []],
      ["d.ts", ["b.ts"]],
    ]);
    expect(cycles(broken)).toEqual(["b.ts -> d.ts -> b.ts"]);
  });
});
