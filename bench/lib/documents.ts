import { readFileSync } from "node:fs";
import { join } from "node:path";
import { arrivalsTable } from "../arrivals/report.ts";
import { lastFigures } from "../cost/figures.ts";
import { costLine, costTable, idleTable, savingsTable, shapeTable } from "../cost/report.ts";
import { tripsText } from "../cost/trips-report.ts";
import { NO_TRIPS } from "../cost/trips.ts";
import type { Calibration } from "../scaling/calibrate.ts";
import { tablesOf } from "../scaling/report.ts";
import type { Metrics } from "./observe.ts";
import { RESULTS } from "./report.ts";
import { readResult } from "./results.ts";
import { figuresTable, headlineTable, ratiosTable, targetsTable } from "./tables.ts";

/** Which tables stand in which document, by name: what bench/results says of them. */

type Table = () => string;

const text = (file: string): string => readFileSync(join(RESULTS, file), "utf8");

const figures =
  (scenario: string): Table =>
  () =>
    figuresTable(readResult(scenario));

const ORDERS: [ours: string, theirs: string][] = [
  ["lockstock", "d1-only"],
  ["lockstock", "one-at-a-time"],
  ["lockstock lane", "d1-only"],
  ["lockstock", "floor"],
];
const ratios =
  (scenario: string, metric: keyof Metrics = "settled_per_s", pairs = ORDERS): Table =>
  () =>
    ratiosTable(readResult(scenario), metric, pairs);

const scaling =
  (section: keyof ReturnType<typeof tablesOf>): Table =>
  () =>
    tablesOf(JSON.parse(text("scaling.json")) as Calibration, lastFigures().systems)[section];

export const TABLES: Record<string, Record<string, Table>> = {
  "README.md": {
    headline: () =>
      headlineTable([
        ["2,000 orders for one item", readResult("hot")],
        ["over 100 items", readResult("spread")],
      ]),
    cost: () => costLine(lastFigures().systems),
    lanes: figures("lanes"),
    "lanes, ratios": ratios("lanes", "outcome_p50_ms", [["lockstock", "lockstock lane"]]),
  },
  "docs/performance.md": {
    targets: () =>
      targetsTable(["hot", "spread", "lone", "lanes", "soldout"].map((name) => readResult(name))),
    hot: figures("hot"),
    "hot, ratios": ratios("hot"),
    spread: figures("spread"),
    "spread, ratios": ratios("spread"),
    carts: figures("carts"),
    "carts, ratios": ratios("carts"),
    soldout: figures("soldout"),
    reads: figures("reads"),
    feed: figures("feed"),
    crowd: figures("crowd"),
    "crowd, ratios": ratios("crowd", "http_p99_ms", [
      ["lockstock, crowd", "lockstock, alone"],
      ["d1-only, crowd", "d1-only, alone"],
      ["lockstock, crowd", "d1-only, crowd"],
    ]),
    lone: figures("lone"),
    "arrivals, one item": () => arrivalsTable("hot"),
    "arrivals, 100 items": () => arrivalsTable("spread"),
    "profile, one item": () => text("profile-1.md").trim(),
    "profile, 100 items": () => text("profile-100.md").trim(),
    cost: () => costTable(lastFigures().systems),
    trips: () => tripsText(lastFigures().trips ?? NO_TRIPS),
    "cost, work": () => shapeTable(lastFigures().systems),
    savings: () => savingsTable(lastFigures().savings),
    "growth, 100000": () => text("growth-100000.md").trim(),
    "cost, idle": () => idleTable(lastFigures().idle ?? []),
    "growth, items": () => text("growth-items-100000.md").trim(),
    "growth, 1000000": () => text("growth-1000000.md").trim(),
  },
  "docs/scaling.md": {
    inputs: scaling("inputs"),
    "walls, one hot SKU": scaling("walls, one hot SKU"),
    "walls, many SKUs": scaling("walls, many SKUs"),
    "needs, one hot SKU": scaling("needs, one hot SKU"),
    "needs, many SKUs": scaling("needs, many SKUs"),
  },
};

const block = (name: string, content: string): string =>
  `<!-- table: ${name} -->\n\n${content}\n\n<!-- end of table -->`;
const BLOCK = /<!-- table: (.+?) -->\n[^]*?<!-- end of table -->/g;

/** The document with every table as the results are now. */
export function documented(path: string, document: string): string {
  const tables = TABLES[path] ?? {};
  return document.replace(BLOCK, (_, name: string) => {
    const content = tables[name];
    if (!content) throw new Error(`${path} asks for a table "${name}" that there is not`);
    return block(name, content());
  });
}

/** Names of the tables that the document lacks, or holds otherwise than the results are now. */
export function outdated(path: string, document: string): string[] {
  return Object.entries(TABLES[path] ?? {}).flatMap(([name, content]) =>
    document.includes(block(name, content())) ? [] : [name],
  );
}
