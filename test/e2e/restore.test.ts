import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { PlatformApi } from "./support/platform/api.ts";
import { startCommand } from "./support/platform/command.ts";
import { SECRET, useStack } from "./support/stack.ts";

/**
 * `npm run restore` with the real wrangler, against a stand-in of the platform's API, and with a real
 * stack that it freezes, recovers and thaws. `npm run drill` puts a database back in earnest.
 */

const state = mkdtempSync(join(tmpdir(), "lockstock-restore-"));
const api = new PlatformApi();
const stack = useStack();
let platform = "";
beforeAll(async () => {
  platform = await api.listen();
  const { code, output } = await run("deploy", `--url=${stack.base.origin}`).done;
  if (code !== 0) throw new Error(output);
}, 300_000);
afterAll(() => {
  api.close();
  rmSync(state, { recursive: true, force: true });
});

const run = (script: string, ...args: string[]) =>
  startCommand(script, [`--state=${state}`, ...args], state, {
    CLOUDFLARE_API_BASE_URL: platform,
    LOCKSTOCK_AUTH_SECRET: SECRET,
  });

const HOUR_MS = 3_600_000;
const ago = (hours: number) => new Date(Date.now() - hours * HOUR_MS).toISOString();
const to = ago(1);
const restore = (...args: string[]) =>
  run("restore", `--to=${to}`, `--url=${stack.base.origin}`, ...args);
const isRestore = (call: string) => call.includes("/time_travel/restore");
const journal = join(state, "production/restore.json");

async function expectFrozen(isFrozen: boolean) {
  const { frozen } = await stack.operator.get<{ frozen: object | null }>("/v1/operations");
  expect(frozen !== null).toBe(isFrozen);
}

async function expectFinished() {
  const { code, output } = await restore().done;
  expect([code, output]).toEqual([0, expect.stringContaining("the service runs")]);
  expect(existsSync(journal)).toBe(false);
  expect(api.unknown).toEqual([]);
  return output;
}

beforeEach(() => {
  api.restored.length = 0;
});

test("the plan needs no account, and a time that is none is refused", async () => {
  const { code, output } = await restore("--dry-run").done;
  expect(code).toBe(0);
  expect(output).toContain("nothing is:");
  expect(output).toContain("wrangler d1 time-travel info DB --json");
  expect(output).toContain(`wrangler d1 time-travel restore DB --timestamp=${to} --json`);
  for (const step of ["freeze", "migrations apply", "recover", "thaw"]) {
    expect(output).toContain(step);
  }
  expect(api.restored).toEqual([]);
  expect((await run("restore", "--to=yesterday").done).output).toContain("--to is a time such as");
});

test("a time that the platform does not keep is refused before the shop is frozen", async () => {
  const { code, output } = await run(
    "restore",
    `--to=${ago(31 * 24)}`,
    `--url=${stack.base.origin}`,
  ).done;
  expect([code, output]).toEqual([1, expect.stringContaining("within the last 30 days")]);
  await expectFrozen(false);
});

test(
  "a run that failed goes on where it ended, and restores once",
  { timeout: 600_000 },
  async () => {
    api.onChange = (call) =>
      isRestore(call)
        ? { result: null, status: 500, code: 10013, message: "An unknown error has occurred" }
        : undefined;
    const failed = await restore().done;
    api.onChange = () => undefined;
    expect(failed.code).toBe(1);
    expect(failed.output).toContain("repeat the command to go on");
    const buyer = await stack.customer("ada");
    const order = await buyer.place([{ sku: "MUG-BLUE", quantity: 1 }]);
    expect([order.status, order.body.code]).toEqual([503, "frozen"]);

    expect(await expectFinished()).toContain("--bookmark=now-0");
    expect(api.restored).toEqual([`at-${to}`]);
  },
);

test(
  "a run that is killed once the database is put back keeps the bookmark of before",
  { timeout: 600_000 },
  async () => {
    const killed = restore();
    api.afterChange = (call) => isRestore(call) && killed.kill();
    expect(await killed.done).toMatchObject({ code: null });
    api.afterChange = () => {};
    await expectFrozen(true);

    expect(await expectFinished()).toContain("--bookmark=now-0");
    expect(new Set(api.restored)).toEqual(new Set([`at-${to}`]));
  },
);
