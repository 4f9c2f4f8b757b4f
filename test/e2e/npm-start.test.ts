import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFailed, onTestFinished, test } from "vitest";
import { stillRunning } from "../../scripts/lib/processes.ts";
import { clientOf } from "./support/client.ts";
import { emptyState, environment, execute, start } from "./support/npm-start.ts";
import { settled } from "./support/settled.ts";
import { until } from "./support/until.ts";

const ROOT = join(import.meta.dirname, "../..");
const DEMO = ["PRINT-HARBOUR", "SNEAKER-COMET-42", "TICKET-NIGHTFALL", "VINYL-TIDES"];

/** Runs it to its end, which it is expected to reach by itself. */
async function outcomeOf(args: string[]): Promise<{ code: number; stderr: string }> {
  const options = { cwd: ROOT, env: environment(), timeout: 60_000 };
  try {
    const { stderr } = await execute(process.execPath, args, options);
    return { code: 0, stderr };
  } catch (error) {
    return error as { code: number; stderr: string };
  }
}

test.each([
  ["--only=both"],
  ["--port=none"],
  ["--port=0"],
  ["--port=65536"],
  ["--colour=red"],
  ["surplus"],
])("the flag %s is refused with the usage and exit code 2", async (flag) => {
  const state = await emptyState({ onTestFailed, onTestFinished });
  const { code, stderr } = await outcomeOf(["scripts/start.ts", `--state=${state}/new`, flag]);
  expect(code).toBe(2);
  expect(stderr).toContain("usage: npm start");
  expect(await readdir(state)).toEqual([]);
});

test("a port that is in use is refused before anything is written", async (context) => {
  const state = await emptyState(context);
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as { port: number };
  const args = ["scripts/start.ts", `--port=${port}`, `--state=${state}/new`];
  const { code, stderr } = await outcomeOf(args);
  taken.close();
  expect(code).toBe(1);
  expect(stderr).toContain(`port ${port} is in use`);
  expect(await readdir(state)).toEqual([]);
});

test("the token command without a subject is refused with exit code 2", async () => {
  const { code, stderr } = await outcomeOf(["scripts/token.ts"]);
  expect(code).toBe(2);
  expect(stderr).toContain("usage: npm run --silent token");
});

test("an empty state gets the demo once; tokens and vars work; SIGTERM ends every process", async (context) => {
  const state = await emptyState(context);
  // The secret of the local files, which the token command reads as well.
  const vars = { PAYMENT_WINDOW_SECONDS: "3600", AUTH_SECRET: await localSecret() };
  const first = await start(context, [`--state=${state}`], vars);
  await first.ready();

  const printed = await execute("npm", ["run", "--silent", "token", "--", "alice", "operator"], {
    cwd: ROOT,
    env: environment(),
  });
  const token = printed.stdout.trimEnd();
  expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);
  const alice = clientOf(first.base, token);
  const stocked = async () => {
    const items = await alice.items();
    return items.length === DEMO.length && items.every(({ available }) => available > 0) && items;
  };
  const items = await until("the demo catalogue with stock", stocked);
  expect(items.map(({ sku }) => sku)).toEqual(DEMO);

  const { status, body } = await alice.place([{ sku: "VINYL-TIDES", quantity: 2 }]);
  expect([status, body.customerId]).toEqual([202, "alice"]);
  const [order] = await settled(alice, [body.id]);
  expect(order).toMatchObject({ status: "confirmed" });
  const window_ms = Date.parse(order!.payBy!) - Date.parse(order!.updatedAt);
  expect(window_ms).toBe(3_600_000);
  const level = await alice.level("VINYL-TIDES");
  expect(level).toMatchObject({ held: 2 });

  const processes = await first.processes();
  expect(processes.length).toBeGreaterThan(1);
  expect(await first.stop()).toBe(0);
  // Those it has killed may still be on their way out.
  await until("all ended", async () => (await stillRunning(processes)).length === 0);

  const second = await start(context, [`--state=${state}`], vars);
  await second.ready();
  // Its last word is after the demo was looked at; then nothing of it may have been added again.
  await until("ready", () => second.lines.some((line) => line.includes("is ready")));
  const again = clientOf(second.base, token);
  expect((await again.items()).map(({ sku }) => sku)).toEqual(DEMO);
  expect(await again.level("VINYL-TIDES")).toEqual(level);
  expect(await again.order(body.id)).toEqual(order);
  expect(second.lines.join("\n")).not.toContain("Added a demo catalogue");
  expect(await second.stop()).toBe(0);
}, 400_000);

/** What .dev.vars, or its example on a fresh clone, gives. */
async function localSecret(): Promise<string> {
  const { localVars } = await import("../../scripts/lib/project.ts");
  return localVars()["AUTH_SECRET"] ?? "";
}
