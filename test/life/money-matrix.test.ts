import { beforeAll, expect, test } from "vitest";
import { cellOf, EVENTS, STATES } from "./support/matrix.ts";
import { WINDOW } from "./support/money.ts";
import { migrate, worldOf } from "./support/world.ts";

/** Writes docs/money.md (`npm test -- --project life test/life/money-matrix.test.ts -u`), and holds it. */

beforeAll(migrate);

const INTRODUCTION = `# Where the money is

What becomes of an order, of its units and of the money, whatever happens and in whatever order? This page is written by \`test/life/money-matrix.test.ts\`, which makes every case on the real Workers and compares: an order in a state, then the event of the row, then the event of the column. Both orders of any two events are therefore here.

Each cell says what the order is once everything has settled, what its item holds of five units (an order has two), and where each payment is: \`applied\`, \`unmatched\` with the reason, and so to be refunded. The payments are \`own\` (it had paid the order before), \`first\`, \`second\` and \`wrong\` (one cent less than is due). In each case at most one payment is applied, none is lost, and none waits for an order that has ended.

| event | is |
|---|---|
| payment | \`POST /v1/payments\` with the amount due |
| second reference | the same with another reference |
| same reference again | the payment that has paid the order, once more; else the first payment |
| wrong amount | \`POST /v1/payments\` with another amount |
| extend | \`POST /v1/orders/{id}/extend\` |
| expiry | the time to pay is over, and the reconciler comes |
| return | \`POST /v1/orders/{id}/returns\` of all units |
| cancel | \`POST /v1/orders/{id}/cancel\` by the customer |
`;

const names = Object.keys(EVENTS);
const sections = new Map<string, string>();

test.each(Object.keys(STATES))("%s: any two events", async (state) => {
  const world = await worldOf({ vars: WINDOW });
  const rows: string[] = [];
  for (const first of names) {
    const cells: string[] = [];
    for (const second of names) cells.push(await cellOf(world, state, [first, second]));
    rows.push(`| **${first}** | ${cells.join(" | ")} |`);
  }
  const head = `| first ↓, then → | ${names.join(" | ")} |\n|---|${"---|".repeat(names.length)}`;
  expect(rows).toHaveLength(names.length);
  sections.set(state, `\n## ${state}\n\n${head}\n${rows.join("\n")}\n`);
});

test("docs/money.md says what was seen", async () => {
  expect([...sections.keys()]).toEqual(Object.keys(STATES));
  const page = INTRODUCTION + [...sections.values()].join("");
  await expect(page).toMatchFileSnapshot("../../docs/money.md");
});
