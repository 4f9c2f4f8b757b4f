import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { launchBrowser } from "../../scripts/lib/browser.ts";
import { enterConsole } from "./support/console.ts";
import { addToCart, connection, order, orderNow, ordersOf } from "./support/shop.ts";
import {
  closeAll,
  type Closers,
  describeInBrowser,
  killSite,
  restartSite,
  startSite,
  stocked,
  visit,
  type VisitOptions,
} from "./support/site.ts";

/** Within this an order is settled once faults have stopped. */
const LIVENESS_MS = 150_000;

describeInBrowser("a server that dies", () => {
  const closers: Closers = [];
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchBrowser();
    closers.push(() => browser.close());
  });
  afterAll(() => closeAll(closers));

  const open = async (base: string, options?: VisitOptions) =>
    (await visit(browser, base, options)).page;

  test("while an order is pending: the page comes back by itself, and ends on the truth", async () => {
    const { run, state } = await startSite(closers);
    const site = { base: run.base, state };
    await stocked(run.operator);
    await killSite(run);

    // Without the stock Worker an order stays pending.
    const ordersOnly = await restartSite(closers, site, ["--only=orders"]);
    const visitor = await visit(browser, site.base, {
      expected: /net::ERR_|WebSocket connection to/,
    });
    const { page } = visitor;
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await order(page, "pending");

    // The operators are told, in words, above every view and in the tab's title.
    const console_ = await enterConsole({ visit: (options) => open(site.base, options) });
    const alert = console_.locator('[data-alert="stock_away"]');
    await alert.waitFor({ timeout: LIVENESS_MS });
    expect(await alert.innerText()).toMatch(/The stock Worker does not answer[^]*See whether/);
    await expect.poll(() => console_.title()).toContain("The stock Worker does not answer");
    expect(await console_.locator(".site-head .pill").innerText()).toMatch(/alert/);
    expect(await console_.locator(".tiles").innerText()).not.toContain("all settled");
    await console_.close();
    await killSite(ordersOnly);
    await page.locator('[data-connection="offline"], [data-connection="connecting"]').waitFor();

    await restartSite(closers, site);
    await connection(page, "live");
    // Its message was lost with the queue: reconcile finds it.
    await order(page, "confirmed", LIVENESS_MS);
    expect((await ordersOf(page)).map(({ status }) => status)).toEqual(["confirmed"]);
    await visitor.expectClean();
  }, 600_000);
});
