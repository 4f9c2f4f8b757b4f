import type { Locator, Page } from "playwright-core";
import { operatorToken, type Site } from "./site.ts";

/** What an operator does and sees. */

export async function enterConsole(
  site: Pick<Site, "visit">,
  path = "/console",
  prepare: (page: Page) => Promise<unknown> = async () => undefined,
): Promise<Page> {
  const page = await site.visit({ path, prepare });
  await page.getByLabel("Token").fill(await operatorToken());
  await page.getByRole("button", { name: "Enter" }).click();
  await page.getByRole("navigation", { name: "Views" }).waitFor();
  return page;
}

export const goTo = (page: Page, view: string): Promise<void> =>
  page.getByRole("navigation", { name: "Views" }).getByRole("link", { name: view }).click();

export const row = (page: Page, sku: string): Locator => page.locator(`tr[data-sku="${sku}"]`);

export const dialog = (page: Page): Locator => page.getByRole("dialog").last();
