import type { BrowserContext, Locator, Page } from "playwright-core";
import { expect } from "vitest";
import type { OrderView } from "../../../src/orders/order/order.ts";
import { clientOf } from "../../e2e/support/client.ts";

/** What a buyer does and sees. */

export const card = (page: Page, sku: string): Locator => page.locator(`.item[data-sku="${sku}"]`);

/** Also when the button says that it does nothing (aria-disabled): then it must do nothing. */
export const addToCart = (page: Page, sku: string): Promise<void> =>
  card(page, sku).getByRole("button").click({ force: true });

export const orderNow = (page: Page): Locator => page.getByRole("button", { name: /^Order now/ });

/**
 * From now on the pages are told the catalogue as it is now, so that they offer what is sold out
 * meanwhile. The answer ends that.
 */
export async function holdCatalogue(context: BrowserContext, base: string) {
  const url = /\/v1\/items/;
  const body = await (await fetch(new URL("/v1/items?limit=100", base))).text();
  await context.route(url, (route) => route.fulfill({ contentType: "application/json", body }));
  return () => context.unroute(url);
}

/** The newest order on the page, once it has this status. */
export async function order(page: Page, status: string, timeout = 60_000): Promise<Locator> {
  const found = page.locator(`[data-order][data-status="${status}"]`).first();
  await found.waitFor({ timeout });
  return found;
}

export const connection = (page: Page, state: string): Promise<void> =>
  page.locator(`[data-connection="${state}"]`).waitFor();

/** The buyer's orders as the server knows them. */
export async function ordersOf(page: Page): Promise<OrderView[]> {
  // A guest who has started anew is made a moment later.
  await expect.poll(() => page.evaluate("'lockstock.guest' in localStorage")).toBe(true);
  const token = await page.evaluate<string>("JSON.parse(localStorage['lockstock.guest']).token");
  const client = clientOf(new URL(page.url()).origin, token);
  return (await client.get<{ orders: OrderView[] }>("/v1/orders")).orders;
}
