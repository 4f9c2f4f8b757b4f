import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import { readConfig } from "../../scripts/lib/wrangler-config.ts";

/** The tables of README.md about the configuration, held against the configuration. */

const README = readFileSync(join(ROOT, "README.md"), "utf8");
const ORDERS = readConfig("wrangler.toml");
const STOCK = readConfig("wrangler.stock.toml");

/** The cells of the first table below a heading, without its head. */
function tableOf(heading: string): string[][] {
  const [, section = ""] = README.split(`\n### ${heading}\n`);
  const [table = ""] = section.match(/(^\|.*\n)+/m) ?? [];
  const rows = table.trim().split("\n").slice(2);
  return rows.map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** Defaults that would be too long as they are. */
const IN_WORDS = ["the names above", "Cloudflare's siteverify"];

const namesIn = (cell = ""): string[] =>
  [...cell.matchAll(/`([A-Z][A-Z_]+)`/g)].map(([, name]) => name!);

describe("the vars", () => {
  const all = { ...STOCK.vars, ...ORDERS.vars } as Record<string, string>;

  test("are all in the table, and no other", () => {
    const told = tableOf("Vars").flatMap(([names]) => namesIn(names));
    expect(told.toSorted()).toEqual(Object.keys(all).toSorted());
  });

  test("have these defaults", () => {
    for (const [names, told] of tableOf("Vars")) {
      if (told === undefined || IN_WORDS.includes(told)) continue;
      for (const name of namesIn(names)) expect([name, told]).toEqual([name, all[name]]);
    }
  });
});

test("the bindings are all in the table", () => {
  const bound = (config: typeof ORDERS): string[] => [
    ...(config.d1_databases ?? []).map(({ binding }) => binding),
    ...(config.durable_objects?.bindings ?? []).map(({ name }) => name),
    ...(config.services ?? []).map(({ binding }) => binding),
    ...(config.queues?.producers ?? []).map(({ binding }) => binding),
    ...(config.ratelimits ?? []).map(({ name }) => name),
    ...("assets" in config ? ["ASSETS"] : []),
  ];
  const declared = readFileSync(join(ROOT, "src/orders/secrets.d.ts"), "utf8");
  const secrets = [...declared.matchAll(/^ {2}([A-Z_]+)\?: string;$/gm)].map(([, name]) => name!);
  const known = new Set([...bound(ORDERS), ...bound(STOCK), ...secrets]);
  const told = tableOf("Bindings").flatMap(([names]) => namesIn(names));
  expect(told.toSorted()).toEqual([...known].toSorted());
});
