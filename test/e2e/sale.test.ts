import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { type SaleProgress } from "../../src/web/sale/figures.ts";
import { runSale } from "../../src/web/sale/sale.ts";
import { signToken } from "./support/client.ts";
import { emptyState, environment, execute, type Run, start } from "./support/npm-start.ts";

const ROOT = join(import.meta.dirname, "../..");
const SECRET = "the secret of the sale's tests, long enough";
const SALE_MS = 60_000;
/** As many connections as a browser opens to a server. */
const BROWSER_CONNECTIONS = 6;

/** The command that README shows, without its comment. */
function command(): string[] {
  const readme = readFileSync(join(ROOT, "README.md"), "utf8");
  const line = /^npm run sale .*$/m.exec(readme)?.[0] ?? "";
  return line.split("#")[0]?.trim().split(/\s+/) ?? [];
}

/** Runs it against a base, to its end or for a minute. */
async function sale(base: string, vars: Record<string, string>) {
  const [npm = "", ...args] = command();
  const options = { cwd: ROOT, env: { ...environment(), ...vars }, timeout: SALE_MS };
  try {
    const { stdout } = await execute(npm, [...args, "--url", base], options);
    return { code: 0, stdout, stderr: "" };
  } catch (error) {
    return error as { code: number | null; stdout: string; stderr: string };
  }
}

describe("a fresh npm start with its defaults", { timeout: 2 * SALE_MS }, () => {
  const closers: (() => unknown)[] = [];
  let run: Run;

  beforeAll(async () => {
    const context = {
      onTestFailed: () => undefined,
      onTestFinished: (hook: () => unknown) => void closers.push(hook),
    } as unknown as Parameters<typeof start>[0];
    const vars = { AUTH_SECRET: SECRET, RATE_LIMIT: "on" };
    run = await start(context, [`--state=${await emptyState(context)}`], vars);
    await run.ready();
  }, 120_000);
  afterAll(async () => {
    for (const close of closers.toReversed()) await close();
  });

  test("the sale that README shows ends within a minute, oversold 0, and nobody is refused", async () => {
    expect(command().slice(0, 3)).toEqual(["npm", "run", "sale"]);
    const { code, stdout } = await sale(run.base, { AUTH_SECRET: SECRET });
    expect(stdout).toContain("100 confirmed, 400 sold out, 0 failed");
    expect(stdout).toMatch(/ok\s+oversold 0/);
    expect(stdout).not.toContain("BROKEN");
    expect(code).toBe(0);
  });

  test("over a browser's six connections it ends within a minute too", async () => {
    const underWay = new Set<Promise<Response>>();
    const direct = globalThis.fetch;
    const spy = vi.spyOn(globalThis, "fetch").mockImplementation(async (...args) => {
      while (underWay.size >= BROWSER_CONNECTIONS) await Promise.race(underWay);
      const call: Promise<Response> = direct(...args).finally(() => underWay.delete(call));
      underWay.add(call);
      return call;
    });
    const phases = new Set<SaleProgress["phase"]>();
    const started_ms = Date.now();
    const { progress, verdict } = await runSale({
      base: run.base,
      operatorToken: await signToken(SECRET, "operator", { scope: "operator" }),
      sku: "SALE-IN-BROWSER",
      buyers: 500,
      units: 100,
      rate: 100,
      signal: AbortSignal.timeout(SALE_MS),
      onProgress: ({ phase }) => void phases.add(phase),
    }).finally(() => spy.mockRestore());
    expect(progress.failures).toEqual({});
    expect(progress).toMatchObject({ phase: "done", confirmed: 100, soldOut: 400, failed: 0 });
    expect(verdict).toEqual({ oversold: 0, isBalanced: true, isExact: true });
    expect([...phases]).toEqual(["stocking", "selling", "settling", "done"]);
    expect(Date.now() - started_ms).toBeLessThan(SALE_MS);
  });

  test("with a token that may not sell it says so and ends", async () => {
    const token = await signToken(SECRET, "just-a-customer");
    const { code, stderr } = await sale(run.base, { LOCKSTOCK_TOKEN: token });
    expect(code).toBe(1);
    expect(stderr).toMatch(/The sale could not be run: .*403/);
  });
});
