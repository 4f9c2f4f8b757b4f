import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { enterConsole, goTo, row } from "./support/console.ts";
import { addToCart, connection, orderNow } from "./support/shop.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

/** A page object of a PDF, which Chromium writes uncompressed. */
const PAGE_OBJECT = /\/Type\s*\/Page\b/g;

/** How many sheets of A4 the page takes, once its plots and bars are at rest. */
async function sheets(page: Page): Promise<number> {
  await page.waitForTimeout(500);
  const pdf = await page.pdf({ format: "A4", printBackground: true });
  return pdf.toString("latin1").match(PAGE_OBJECT)?.length ?? 0;
}

/** What has no place on paper: what is clicked, a ground that costs ink, and what is cut off. */
async function faults(page: Page): Promise<string[]> {
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  // The width between the margins of A4.
  await page.setViewportSize({ width: 688, height: 1_016 });
  await page.waitForTimeout(500);
  const found = await page.evaluate<string[]>(`(() => {
    const seen = [...document.querySelectorAll("button:not(.order-summary), input, select, .site-head nav")]
      .filter((one) => one.checkVisibility()).map((one) => one.outerHTML.slice(0, 80));
    const ground = getComputedStyle(document.body).backgroundColor;
    const wide = [...document.querySelectorAll("main *")]
      .filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
      .map((one) => "cut off: " + one.outerHTML.slice(0, 80));
    return [...seen, ...(ground === "rgb(255, 255, 255)" ? [] : [ground]), ...wide];
  })()`);
  await page.emulateMedia({ media: null, colorScheme: "light" });
  await page.setViewportSize({ width: 1_280, height: 900 });
  return found;
}

/** On paper nothing is drawn anew for another width: what observes its size hears of the first one. */
const drawnOnce = (page: Page) =>
  page.addInitScript(`
    const Real = ResizeObserver;
    window.ResizeObserver = class extends Real {
      constructor(tell) {
        let isTold = false;
        super((...all) => isTold || ((isTold = true), tell(...all)));
      }
    };
  `);

describeInBrowser("on paper", () => {
  const site = useSite();

  test("the console's items, orders and one item take few sheets, with nothing to click", async () => {
    const sku = "A-PRINT-00";
    for (let i = 0; i < 20; i++) {
      const item = { name: `Riso print ${i}, numbered`, price: { amount: 4_800, currency: "EUR" } };
      await site.operator.call("PUT", `/v1/items/A-PRINT-${`${i}`.padStart(2, "0")}`, item);
    }
    await site.operator.receive(sku, 100);
    for (let i = 0; i < 25; i++) {
      const body = { customerId: `customer-${i}`, lines: [{ sku, quantity: 1 }] };
      await site.operator.call("POST", "/v1/orders", body);
    }
    const page = await enterConsole(site, "/console", drawnOnce);
    await row(page, sku).waitFor();
    expect(await page.locator("tr[data-sku]").count()).toBe(20);
    expect(await faults(page)).toEqual([]);
    expect(await sheets(page)).toBe(2);

    await page.goto(`${site.base}/console#sale?item=${sku}`);
    await page.locator(".hold").nth(9).waitFor();
    await page.getByRole("img", { name: /^Demand: 25 asked, 25 confirmed/ }).waitFor();
    expect(await faults(page)).toEqual([]);
    expect(await sheets(page)).toBe(1);

    await goTo(page, "Orders");
    await page.locator("[data-order]").nth(19).waitFor();
    expect(await faults(page)).toEqual([]);
    expect(await sheets(page)).toBe(2);
  });

  test("the shop's orders are on one sheet, under its name", async () => {
    const page = await site.visit();
    await connection(page, "live");
    for (let i = 1; i <= 6; i++) {
      await addToCart(page, "VINYL-TIDES");
      await orderNow(page).click();
      await page
        .locator('[data-status="confirmed"]')
        .nth(i - 1)
        .waitFor();
    }
    await addToCart(page, "VINYL-TIDES");
    expect(await faults(page)).toEqual([]);
    expect(await sheets(page)).toBe(1);
    await page.emulateMedia({ media: "print" });
    expect(await page.locator(".brand").isVisible()).toBe(true);
    expect(await page.locator(".catalogue, .cart, .cart-bar").first().isVisible()).toBe(false);
  });
});
