import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { environment } from "../../scripts/lib/npm-start.ts";
import { ROOT } from "../../scripts/lib/project.ts";
import { ACCOUNT, PlatformApi } from "./support/platform/api.ts";
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
});
afterAll(() => {
  api.close();
  rmSync(state, { recursive: true, force: true });
});

async function run(script: string, ...args: string[]) {
  const child = spawn(process.execPath, [`scripts/${script}.ts`, `--state=${state}`, ...args], {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    env: {
      ...environment(),
      // Neither an account of this machine nor its network.
      HOME: state,
      XDG_CONFIG_HOME: state,
      CLOUDFLARE_API_TOKEN: "a-token",
      CLOUDFLARE_ACCOUNT_ID: ACCOUNT,
      CLOUDFLARE_CF_FETCH_ENABLED: "false",
      CLOUDFLARE_API_BASE_URL: platform,
      LOCKSTOCK_AUTH_SECRET: SECRET,
    },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

const to = new Date(Date.now() - 3_600_000).toISOString();
const restore = (...args: string[]) =>
  run("restore", `--to=${to}`, `--url=${stack.base.origin}`, ...args);

test("the plan needs no account, and a time that is none is refused", async () => {
  const { code, output } = await restore("--dry-run");
  expect(code).toBe(0);
  expect(output).toContain("nothing is:");
  expect(output).toContain(`wrangler d1 time-travel restore DB --timestamp=${to} --json`);
  for (const step of ["freeze", "migrations apply", "recover", "thaw"]) {
    expect(output).toContain(step);
  }
  expect(api.restored).toEqual([]);
  expect((await run("restore", "--to=yesterday")).output).toContain("--to is a time such as");
});

test(
  "a run that failed goes on where it ended, and restores once",
  { timeout: 600_000 },
  async () => {
    const deployed = await run("deploy", `--url=${stack.base.origin}`);
    expect([deployed.code, deployed.output]).toEqual([0, expect.stringContaining("Done.")]);
    api.onChange = (call) =>
      call.includes("/time_travel/restore")
        ? { result: null, status: 500, code: 10013, message: "An unknown error has occurred" }
        : undefined;
    const failed = await restore();
    api.onChange = () => undefined;
    expect(failed.code).toBe(1);
    expect(failed.output).toContain("repeat the command to go on");
    const ask = { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" };
    const guest = await fetch(new URL("/v1/guests", stack.base), { method: "POST" });
    const { token } = (await guest.json()) as { token: string };
    const order = await fetch(new URL("/v1/orders", stack.base), {
      ...ask,
      headers: { ...ask.headers, Authorization: `Bearer ${token}` },
      body: JSON.stringify({ lines: [{ sku: "MUG-BLUE", quantity: 1 }] }),
    });
    expect(order.status).toBe(503);
    expect(await order.json()).toMatchObject({ code: "frozen" });

    const finished = await restore();
    expect([finished.code, finished.output]).toEqual([
      0,
      expect.stringContaining("the service runs"),
    ]);
    expect(finished.output).toContain("--bookmark=now");
    expect(api.restored).toEqual(["then"]);
    expect(existsSync(join(state, "production/restore.json"))).toBe(false);
    expect(api.unknown).toEqual([]);
  },
);
