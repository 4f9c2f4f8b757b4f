import { short, table } from "../lib/markdown.ts";
import type { Measured } from "./figures.ts";
import type { IdleMonth } from "./idle.ts";
import { CHECKED_ON, dollars, dollarsFor, KEYS, PRICES } from "./prices.ts";
import type { Saving } from "./savings.ts";
import type { Shape } from "./usage.ts";

/** The tables of `npm run cost`, as Markdown. */

const money = (value: number): string => value.toFixed(2);

/** Each cell: what one order uses, and the dollars that a million orders cost for it. */
export function costTable(systems: readonly Measured[]): string {
  const names = systems.map(({ name }) => name);
  const usages = systems.map(({ usage }) => usage);
  const lines = KEYS.map((key) => {
    const { what, dollarsPerMillion } = PRICES[key];
    const cells = usages.map((usage) => `${short(usage[key])} · $${money(dollarsFor(usage, key))}`);
    return [`${what} ($${dollarsPerMillion}/M)`, ...cells];
  });
  const sums = usages.map((usage) => `**$${money(dollars(usage))}**`);
  return table(["an order's use · dollars a million", ...names], [...lines, ["sum", ...sums]]);
}

export function shapeTable(systems: readonly Measured[]): string {
  const own = systems.flatMap(({ name, shape }) => (shape ? [{ name, shape }] : []));
  const lines: [string, (shape: Shape) => number][] = [
    ["D1 round trips to place an order", ({ d1TripsToPlace }) => d1TripsToPlace],
    ["D1 round trips in all", ({ d1Trips }) => d1Trips],
    ["orders a commit of the desk", ({ ordersPerCommit }) => ordersPerCommit],
    ["events a batch at the stock consumer", ({ eventsPerBatch }) => eventsPerBatch.stock],
    ["events a batch at the orders consumer", ({ eventsPerBatch }) => eventsPerBatch.orders],
    ["calls of the item's object", ({ stockCalls }) => stockCalls],
    ["rows written by it", ({ stockRowsWritten }) => stockRowsWritten],
    ["feed calls, the customer being absent", ({ feedCalls }) => feedCalls],
  ];
  return table(
    ["of an order", ...own.map(({ name }) => name)],
    lines.map(([what, of]) => [what, ...own.map(({ shape }) => short(of(shape)))]),
  );
}

export function savingsTable(savings: readonly Saving[]): string {
  return table(
    [
      "without",
      "saves, $ a million",
      "D1 rows",
      "D1 round trips",
      "queue operations",
      "item calls",
      "item rows",
    ],
    savings.map(({ name, saved, usage, shape }) => [
      name,
      money(saved),
      short(usage.d1RowsWritten),
      short(shape.d1Trips),
      short(usage.queueOperations),
      short(shape.stockCalls),
      short(shape.stockRowsWritten),
    ]),
  );
}

/** Each cell: what a month takes, in thousands, and what that costs with nothing included. */
export function idleTable(months: readonly IdleMonth[]): string {
  const names = months.map(({ items }) => `${items.toLocaleString("en-US")} items`);
  const lines = KEYS.map((key) => {
    const cells = months.map(({ usage }) => {
      return `${Math.round(usage[key] / 1_000).toLocaleString("en-US")} · $${money(dollarsFor(usage, key) / 1e6)}`;
    });
    return [PRICES[key].what, ...cells];
  });
  const sums = months.map(({ usage }) => `**$${money(dollars(usage) / 1e6)}**`);
  const rounds = months.map(({ round_ms }) => `${Math.round(round_ms)} ms`);
  return table(
    ["thousands a month · dollars a month", ...names],
    [...lines, ["sum", ...sums], ["a minute's round takes here", ...rounds]],
  );
}

/** The README's. */
export function costLine(systems: readonly Measured[]): string {
  const sum = (name: string): string => {
    const usage = systems.find((system) => system.name === name)?.usage;
    return usage ? `$${money(dollars(usage))}` : "–";
  };
  return `A million one-line orders cost ${sum("full load")} of Cloudflare's prices at full load, ${sum("every order alone")} when each comes alone (\`npm run cost\`).`;
}

export const pricesLine = (): string =>
  `Prices of Workers Paid, beyond what a month includes, as read on ${CHECKED_ON}: ${[
    ...new Set(Object.values(PRICES).map(({ source }) => source)),
  ].join(" · ")}`;
