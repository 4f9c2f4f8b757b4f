import { join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect } from "vitest";
import { CHROMIUM, hasBrowser, launchBrowser } from "../../../scripts/lib/browser.ts";
import { startBundled } from "../../e2e/support/bundled.ts";
import { type Client, clientOf, signToken } from "../../e2e/support/client.ts";
import { expectNoSecrets } from "../../e2e/support/logs.ts";
import { type Run, start, type Test } from "../../e2e/support/npm-start.ts";
import { preparedState } from "../../e2e/support/prepared-state.ts";
import { until } from "../../e2e/support/until.ts";

/**
 * The pages in real Chromium. Without one these tests are skipped, which is said; with
 * LOCKSTOCK_REQUIRE_BROWSER in the environment that is a failure.
 */
if (!hasBrowser) {
  const text = `no Chromium at ${CHROMIUM} (Debian: apt-get install chromium-headless-shell)`;
  if (process.env["LOCKSTOCK_REQUIRE_BROWSER"]) throw new Error(text);
  console.warn(`The browser tests are skipped: ${text}`);
}
export const describeInBrowser = hasBrowser ? describe : describe.skip;

const SECRET = "the secret of the browser tests, long enough";

export const operatorToken = (): Promise<string> =>
  signToken(SECRET, "operator", { scope: "operator" });

type Hook = () => unknown;
export type Closers = Hook[];

/** Starts both Workers outside of a test, which is what `start` asks for. */
const asTest = (closers: Closers) => ({
  onTestFailed: () => undefined,
  onTestFinished: (hook: Hook) => void closers.push(hook),
});

export async function startSite(
  closers: Closers,
  vars: Record<string, string> = {},
): Promise<{ run: Run; state: string }> {
  const test = asTest(closers) as unknown as Test;
  const state = await preparedState(test);
  const run = await start(test, [`--state=${state}`], { AUTH_SECRET: SECRET, ...vars });
  await run.ready();
  return { run, state };
}

/** Starts it again on its port and state, as after a crash of the machine. */
export async function restartSite(
  closers: Closers,
  { base, state }: { base: string; state: string },
  args: string[] = [],
): Promise<Run> {
  const test = asTest(closers) as unknown as Test;
  const port = new URL(base).port;
  const run = await start(test, [`--state=${state}`, `--port=${port}`, ...args], {
    AUTH_SECRET: SECRET,
  });
  await run.ready();
  return run;
}

/** The demo catalogue shows its stock. */
export const stocked = (operator: Client): Promise<unknown> =>
  until("the demo stock", async () => (await operator.item("PRINT-HARBOUR")).available > 0);

/** SIGKILL to all of it at once. */
export const killSite = (run: Run): Promise<void> => run.kill();

export async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.splice(0).toReversed()) await close();
}

export interface Visitor {
  page: Page;
  /** Fails when the page has logged an error, broken its policy, or asked another origin. */
  expectClean(): Promise<void>;
}

/** What the browser itself logs for every answer from 400 on: an answer the page knows to handle. */
const REFUSAL = /^Failed to load resource: the server responded with a status of 4\d\d/;

export interface VisitOptions extends BrowserContextOptions {
  path?: string;
  /** Another name for the same site. */
  origin?: string;
  /** Further console errors that the test provokes. */
  expected?: RegExp;
  /** Of another origin, which the test answers itself. */
  allowed?: RegExp;
  prepare?: (page: Page) => Promise<unknown>;
}

/** A new browser profile at a page of the site. */
export async function visit(
  browser: Browser,
  base: string,
  { path = "/", origin = base, expected, allowed, prepare, ...options }: VisitOptions = {},
): Promise<Visitor> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const troubles: string[] = [];
  page.on("console", (message) => {
    const text = message.text();
    const isExpected = REFUSAL.test(text) || expected?.test(text);
    if (message.type() === "error" && !isExpected) troubles.push(text);
  });
  page.on("pageerror", (error) => troubles.push(`${error.stack}`));
  page.on("request", (request) => {
    const isAllowed = request.url().startsWith(`${origin}/`) || allowed?.test(request.url());
    if (!isAllowed) troubles.push(`asked ${request.url()}`);
  });
  await page.addInitScript(`
    window.violations = [];
    addEventListener("securitypolicyviolation", (e) => violations.push(e.violatedDirective));
  `);
  await prepare?.(page);
  await page.goto(origin + path);
  return {
    page,
    async expectClean() {
      troubles.push(...(await page.evaluate<string[]>("violations")));
      expect(troubles).toEqual([]);
      await context.close();
    },
  };
}

export interface Site {
  browser: Browser;
  base: string;
  state: string;
  operator: Client;
  visit(options?: VisitOptions): Promise<Page>;
}

/** Both Workers with the demo, bundled once for all files. Their cron is due once a minute. */
async function startSharedSite(closers: Closers, vars: Record<string, string>) {
  const state = await preparedState(asTest(closers) as unknown as Test);
  const lines: string[] = [];
  const { miniflare, close } = await startBundled({
    state: join(state, "v3"), // as wrangler's --persist-to
    vars: { RATE_LIMIT: "off", AUTH_SECRET: SECRET, ...vars },
    onLine: (line) => lines.push(line),
  });
  const orders = await miniflare.getWorker("lockstock-orders");
  const fire = () => orders.scheduled({ cron: "* * * * *" });
  // A failed run is logged by the Worker, and the next one follows.
  const cron = setInterval(() => void fire().catch(() => undefined), 60_000);
  closers.push(async () => {
    clearInterval(cron);
    await close();
    if (lines.length > 0) expectNoSecrets(lines, SECRET); // a page that only reads logs nothing
  });
  const base = (await miniflare.ready).origin;
  return { state, base, operator: clientOf(base, await operatorToken()) };
}

/** One running site for the tests of a file; every page a test has visited has to be clean. */
export function useSite(vars: Record<string, string> = {}): Site {
  const closers: Closers = [];
  const visitors: Visitor[] = [];
  const site = {
    async visit(options) {
      const visitor = await visit(site.browser, site.base, options);
      visitors.push(visitor);
      return visitor.page;
    },
  } as Site;
  beforeAll(async () => {
    if (!hasBrowser) return;
    site.browser = await launchBrowser(["--host-resolver-rules=MAP shop.example 127.0.0.1"]);
    closers.push(() => site.browser.close());
    Object.assign(site, (await startSharedSite(closers, vars)) satisfies Partial<Site>);
    await stocked(site.operator);
  });
  afterEach(async () => {
    for (const visitor of visitors.splice(0)) await visitor.expectClean();
  });
  afterAll(() => closeAll(closers));
  return site;
}
