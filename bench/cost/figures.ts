import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../../scripts/lib/project.ts";
import type { IdleMonth } from "./idle.ts";
import { CHECKED_ON, type Usage } from "./prices.ts";
import type { Saving } from "./savings.ts";
import type { CountedTrips } from "./trips.ts";
import type { Shape } from "./usage.ts";

/** bench/results/cost.json: what `npm run cost` has counted last. */

export interface Measured {
  name: string;
  orders: number;
  usage: Usage;
  /** Only of Lockstock. */
  shape?: Shape;
}

export interface CostFigures {
  at: string;
  prices: string;
  systems: Measured[];
  savings: Saving[];
  /** Months without orders. */
  idle?: IdleMonth[];
  trips?: CountedTrips;
}

const FILE = join(ROOT, "bench/results/cost.json");

export function lastFigures(): CostFigures {
  try {
    return JSON.parse(readFileSync(FILE, "utf8")) as CostFigures;
  } catch {
    return { at: "", prices: CHECKED_ON, systems: [], savings: [] };
  }
}

export function writeFigures(figures: CostFigures): void {
  const now = { ...figures, at: new Date().toISOString(), prices: CHECKED_ON };
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, `${JSON.stringify(now, rounded, 1)}\n`);
}

const rounded = (_: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
