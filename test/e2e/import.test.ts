import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/project.ts";
import { useStack } from "./support/stack.ts";
import { until } from "./support/until.ts";

/** `npm run import`, as an operator runs it. */

const stack = useStack();
const folder = mkdtempSync(join(tmpdir(), "lockstock-import-"));
let token = "";
beforeAll(async () => {
  const scope = "catalogue:write stock:write operations:read";
  token = await stack.token("importer", { scope });
});
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
function fileOf(text: string): string {
  const path = join(folder, `items-${++files}.csv`);
  writeFileSync(path, text);
  return path;
}

/** Starts an import; `done` has its exit code and all that it printed. */
function start(file: string, options: string[] = ["--yes"]) {
  const script = join(ROOT, "scripts/import.ts");
  const args = [script, file, "--url", stack.base.origin, ...options];
  const child = spawn(process.execPath, args, { env: { ...process.env, LOCKSTOCK_TOKEN: token } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const done = once(child, "exit").then(([code]) => ({ code: code as number | null, output }));
  return { child, done, output: () => output };
}
const run = (file: string, options?: string[]) => start(file, options).done;

const catalogue = (prefix: string, count: number, stock: number) =>
  fileOf(
    [
      "sku,name,price,currency,stock",
      ...Array.from({ length: count }, (_, i) => `${prefix}-${i},Item ${i},${i}.50,EUR,${stock}`),
    ].join("\n"),
  );

/** Few items in several calls: each new item costs a local run a file of its own. */
const BATCHES = ["--yes", "--batch", "2"];

test("a catalogue with stock; again it changes nothing", async () => {
  const file = catalogue("MANY", 5, 7);
  const { code, output } = await run(file, BATCHES);
  expect(output).toMatch(/5 new, 0 changed/);
  expect(output).toMatch(/stock 2\/5\nstock 4\/5\nstock 5\/5/);
  expect([code, output]).toEqual([0, expect.stringMatching(/5 lines in [\d.]+ s, 0 not/)]);
  expect(await stack.operator.level("MANY-4")).toMatchObject({ received: 7, available: 7 });
  const again = await run(file, BATCHES);
  expect(again.output).toMatch(/0 new, 0 changed, 5 as they are\nstock: +0 of 5 counts differ/);
  expect(again.output).toContain("5 stocks were counted by an earlier import");
  expect(again.code).toBe(0);
});

test("killed in the midst and repeated, it does what is left, nothing twice, and puts back no sold unit", async () => {
  const file = catalogue("KILLED", 40, 5);
  const first = start(file, BATCHES);
  // Within the turn that hears of the first call: the import has 19 more to make.
  first.child.stdout.on("data", () => {
    if (first.output().includes("stock 2/40")) first.child.kill("SIGKILL");
  });
  expect((await first.done).code).toBeNull();
  expect(await stack.operator.level("KILLED-39")).toMatchObject({ received: 0 });
  const customer = await stack.customer("early");
  const { body } = await customer.place([{ sku: "KILLED-0", quantity: 2 }]);
  await until("it is confirmed", async () => {
    return (await stack.operator.order(body.id)).status === "confirmed";
  });
  await stack.operator.call("POST", `/v1/orders/${body.id}/pay`);
  await until("it is sold", async () => (await stack.operator.level("KILLED-0")).sold === 2);
  const second = await run(file, BATCHES);
  expect(second.output).toMatch(/0 new, 0 changed, 40 as they are/);
  expect([second.code, second.output]).toEqual([0, expect.stringMatching(/, 0 not imported/)]);
  expect(await stack.operator.level("KILLED-0")).toMatchObject({ received: 5, available: 3 });
  for (const i of [1, 2, 3, 4, 20, 39]) {
    expect(await stack.operator.level(`KILLED-${i}`)).toMatchObject({ received: 5, available: 5 });
    expect(await stack.operator.ledger(`KILLED-${i}`)).toHaveLength(1);
  }
  // Counted anew on purpose: five are on the shelf again.
  const anew = await run(file, [...BATCHES, "--again", "second"]);
  expect(anew.code).toBe(0);
  expect(await stack.operator.level("KILLED-0")).toMatchObject({ received: 7, available: 5 });
});

test("two at once make no wrong unit", async () => {
  const file = catalogue("TWICE", 20, 9);
  const both = await Promise.all([run(file, BATCHES), run(file, BATCHES)]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  for (const i of [0, 10, 19]) {
    expect(await stack.operator.level(`TWICE-${i}`)).toMatchObject({ received: 9, available: 9 });
  }
});

test("a bad line stops it before anything is sent, unless it is to be left out", async () => {
  const file = fileOf(
    "\uFEFFsku;name;price;currency;stock\r\nBAD-1;Item;1;EUR;3\r\nBAD-2;Item;x;EUR;3",
  );
  const stopped = await run(file);
  expect(stopped.code).toBe(2);
  expect(stopped.output).toMatch(/line 3: price: /);
  expect((await stack.operator.call("GET", "/v1/items/BAD-1")).status).toBe(404);
  const dry = await run(file, ["--dry-run", "--skip-bad"]);
  expect([dry.code, dry.output]).toEqual([1, expect.stringMatching(/1 new/)]);
  expect((await stack.operator.call("GET", "/v1/items/BAD-1")).status).toBe(404);
  const others = await run(file, ["--yes", "--skip-bad"]);
  expect(others.code).toBe(1);
  expect(await stack.operator.level("BAD-1")).toMatchObject({ available: 3 });
});

test("a count below what orders hold is reported with them, and nothing is taken", async () => {
  const sku = await stack.operator.stocked(3);
  const customer = await stack.customer("holder");
  const { body } = await customer.place([{ sku, quantity: 2 }]);
  await until("it is held", async () => (await stack.operator.level(sku)).held === 2);
  await until("it is known", async () => (await stack.operator.item(sku)).available === 1);
  const { code, output } = await run(fileOf(`sku,stock\n${sku},1\nNOT-THERE,4`));
  expect(code).toBe(1);
  expect(output).toContain(`${sku}: 1 counted, and orders hold 2: ${body.id}`);
  expect(output).toContain("line 3: NOT-THERE");
  expect(await stack.operator.level(sku)).toMatchObject({ available: 1, held: 2 });
});

test("without a file, or with an unknown option, it says how it is used", async () => {
  const script = join(ROOT, "scripts/import.ts");
  for (const args of [[], ["a.csv", "b.csv"], ["a.csv", "--all"]]) {
    const child = spawn(process.execPath, [script, ...args], { stdio: "ignore" });
    expect((await once(child, "exit"))[0]).toBe(2);
  }
});
