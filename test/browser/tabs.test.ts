import type { BrowserContext, Page } from "playwright-core";
import { expect, test } from "vitest";
import { clientOf } from "../e2e/support/client.ts";
import { addToCart, connection, holdCatalogue, order, orderNow, ordersOf } from "./support/shop.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

describeInBrowser("tabs of one browser", () => {
  const site = useSite();

  async function tab(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    await page.goto(site.base);
    return page;
  }

  test("that a newcomer opens at once are one customer, who keeps every order", async () => {
    const context = (await site.visit({ path: "/healthz" })).context();
    let guests = 0;
    await context.route(/\/v1\/guests$/, async (route) => {
      guests++;
      // Every tab has asked for the guest before the first has one.
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return route.continue();
    });
    const pages = await Promise.all([tab(context), tab(context), tab(context)]);
    for (const page of pages) await connection(page, "live");
    expect(guests).toBe(1);
    for (const page of pages.slice(0, 2)) {
      await addToCart(page, "VINYL-TIDES");
      await orderNow(page).click();
      await expect.poll(() => page.getByText("Nothing picked yet").count()).toBe(1);
    }
    for (const page of pages) {
      await page.reload();
      await expect.poll(() => page.locator('[data-status="confirmed"]').count()).toBe(2);
    }
    expect(await ordersOf(pages[0]!)).toHaveLength(2);
  });

  test("put the lines of a refused order back once", async () => {
    const sku = await site.operator.stocked(1);
    const page = await site.visit();
    await connection(page, "live");
    await addToCart(page, sku);
    const context = page.context();
    await holdCatalogue(context, site.base);
    await buyLast(sku);
    let isHeld = true;
    const keys = new Set<string | null>();
    let calls = 0;
    await context.route(/\/v1\/orders$/, async (route) => {
      keys.add(await route.request().headerValue("idempotency-key"));
      calls++;
      while (isHeld) await new Promise((resolve) => setTimeout(resolve, 50));
      return route.continue();
    });
    await orderNow(page).click();
    await expect.poll(() => calls).toBe(1);
    const other = await tab(context);
    await other.getByText("Sending").waitFor();
    isHeld = false;
    for (const one of [page, other]) {
      await one.getByText("Sending").waitFor({ state: "detached" });
      await one.locator(".cart-line").waitFor();
      const cart = await one.evaluate<string>("localStorage['lockstock.cart']");
      expect(JSON.parse(cart)).toEqual([{ sku, quantity: 1 }]);
    }
    await page.locator(".notice.bad").waitFor();
    expect([calls, keys.size]).toEqual([1, 1]);
  });

  test("take over what a closed tab has begun, with the same key", async () => {
    const page = await site.visit();
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    const context = page.context();
    const keys: (string | null)[] = [];
    await context.route(/\/v1\/orders$/, async (route) => {
      keys.push(await route.request().headerValue("idempotency-key"));
      if (keys.length > 1) return route.continue();
      await route.fetch(); // it is placed, but the answer never comes
    });
    const other = await tab(context);
    await connection(other, "live");
    // The tab that is closed is not the one that is looked at in the end.
    await orderNow(other).click();
    await expect.poll(() => keys.length).toBe(1);
    await page.getByText("Sending").waitFor();
    await other.close();
    await order(page, "confirmed");
    await page.getByText("Sending").waitFor({ state: "detached" });
    expect(new Set(keys).size).toBe(1);
    expect(keys).toHaveLength(2);
    expect(await ordersOf(page)).toHaveLength(1);
  });

  async function buyLast(sku: string): Promise<void> {
    const { body } = await clientOf(site.base).call<{ token: string }>("POST", "/v1/guests");
    await clientOf(site.base, body.token).place([{ sku, quantity: 1 }]);
  }
});
