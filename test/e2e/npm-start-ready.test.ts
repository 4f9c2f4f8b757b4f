import { expect, test } from "vitest";
import { emptyState, start } from "./support/npm-start.ts";
import { until } from "./support/until.ts";

const DEMO = ["PRINT-HARBOUR", "SNEAKER-COMET-42", "TICKET-NIGHTFALL", "VINYL-TIDES"];
const START_MS = 400_000;

test(
  "on an empty state /healthz first answers 200 when the demo catalogue with its stock is there",
  { timeout: START_MS },
  async (context) => {
    const run = await start(context, [`--state=${await emptyState(context)}`]);
    await run.ready();
    const items = await run.operator.items();
    expect(items.map(({ sku }) => sku)).toEqual(DEMO);
    expect(items.filter(({ available }) => available === 0)).toEqual([]);
    expect(await run.operator.level("VINYL-TIDES")).toMatchObject({ received: 120 });
    const said = () => run.lines.some((line) => line.includes("Lockstock is ready"));
    await until("it says that it is ready", said);
  },
);

test(
  "with --only orders /healthz answers 200 with the catalogue and no stock; a later full start adds the stock first",
  { timeout: START_MS },
  async (context) => {
    const state = await emptyState(context);
    const alone = await start(context, [`--state=${state}`, "--only=orders"]);
    await alone.ready();
    const items = await alone.operator.items();
    expect(items.map(({ sku }) => sku)).toEqual(DEMO);
    expect(items.filter(({ available }) => available > 0)).toEqual([]);
    expect(await alone.stop()).toBe(0);

    const both = await start(context, [`--state=${state}`]);
    await both.ready();
    const stocked = await both.operator.items();
    expect(stocked.filter(({ available }) => available === 0)).toEqual([]);
  },
);

test(
  "log lines of both Workers begin with the Worker's name",
  { timeout: START_MS },
  async (context) => {
    const run = await start(context, [`--state=${await emptyState(context)}`]);
    await run.ready();
    const sku = await run.operator.stocked(5);
    const customer = await run.customer("alice");
    await customer.place([{ sku, quantity: 1 }]);
    const line = (event: string) => run.lines.find((text) => text.includes(`"event":"${event}"`));
    await until("the order is settled", () => line("orders.batch_settled"));
    expect(line("orders.batch_settled")).toMatch(/^\[lockstock-orders\] \{/);
    expect(line("stock.batch_decided")).toMatch(/^\[lockstock-stock\] \{/);
    expect(run.lines.join("\n")).not.toContain("[undefined]");
  },
);
