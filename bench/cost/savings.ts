import { type Counted, countFull, LOCKSTOCK } from "./count.ts";
import { dollars, type Usage } from "./prices.ts";
import { type Shape, shapeOf, usageOf } from "./usage.ts";

/** Each step that makes an order cheaper is taken out of the program, and orders are counted again. */

interface Step {
  name: string;
  /** What the step is in the bundles or the migrations, and what stands there without it. */
  without: readonly [from: string, to: string][];
}

const STEPS: Step[] = [
  {
    name: "many events in a message",
    without: [
      ["MAX_EVENTS_PER_MESSAGE = 100", "MAX_EVENTS_PER_MESSAGE = 1"],
      ["MAX_MESSAGES_PER_SEND = 4", "MAX_MESSAGES_PER_SEND = 100"],
    ],
  },
  {
    name: "holding orders for a message",
    without: [["HOLD_MS = 20", "HOLD_MS = 0"]],
  },
  {
    name: "group commit",
    without: [
      ["MAX_BATCH = 200", "MAX_BATCH = 1"],
      ["HOLD_MS = 20", "HOLD_MS = 0"],
    ],
  },
  {
    name: "settling a batch in one transaction",
    without: [["MAX_EVENTS = 1e3", "MAX_EVENTS = 1"]],
  },
  {
    name: "a level once a second",
    without: [["LEVEL_INTERVAL_MS = 1e3", "LEVEL_INTERVAL_MS = 0"]],
  },
  {
    name: "one ledger row for all that a call moves",
    without: [["MAX_MOVEMENTS_PER_ROW = 500", "MAX_MOVEMENTS_PER_ROW = 1"]],
  },
  { name: "WITHOUT ROWID", without: [[", WITHOUT ROWID", ""]] },
  { name: "a partial index on due_at", without: [[" WHERE due_at IS NOT NULL;", ";"]] },
  {
    name: "no index on the age of keys",
    without: [["DROP INDEX idempotency_keys_by_age", "SELECT 1"]],
  },
];

export interface Saving {
  name: string;
  /** Of one order at full load without the step. */
  usage: Usage;
  shape: Shape;
  /** Dollars a million that it costs more without the step. */
  saved: number;
}

export async function countSavings(
  load: { orders: number; concurrency: number },
  onStep: (name: string) => void,
): Promise<Saving[]> {
  const usual = dollars(usageOf(await countFull(LOCKSTOCK, load)));
  const savings: Saving[] = [];
  for (const step of STEPS) {
    onStep(step.name);
    const without = await countWithout(step, load);
    const usage = usageOf(without);
    const saved = dollars(usage) - usual;
    savings.push({ name: step.name, usage, shape: shapeOf(without), saved });
  }
  return savings;
}

/** Throws when what it has to take out is nowhere. */
async function countWithout(
  { name, without }: Step,
  load: { orders: number; concurrency: number },
): Promise<Counted> {
  const missing = new Set(without.map(([from]) => from));
  const edit = (text: string): string =>
    without.reduce((edited, [from, to]) => {
      if (edited.includes(from)) missing.delete(from);
      return edited.replaceAll(from, to);
    }, text);
  const stack = { ...LOCKSTOCK.stack, edit };
  const counted = await countFull({ ...LOCKSTOCK, stack }, load);
  if (missing.size > 0) throw new Error(`${name}: ${[...missing].join(", ")} is nowhere`);
  return counted;
}
