import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { connection, order } from "./support/shop.ts";
import { describeInBrowser, operatorToken, useSite } from "./support/site.ts";

const MAX_TABS = 60;
const FOCUSED = `(() => {
  const e = document.activeElement;
  return e ? e.getAttribute("aria-label") ?? e.innerText ?? "" : "";
})()`;

/** Tabs until what has the focus is called so. */
async function tabTo(page: Page, name: RegExp): Promise<void> {
  const passed: string[] = [];
  for (let i = 0; i < MAX_TABS; i++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate<string>(FOCUSED);
    if (name.test(focused)) return;
    passed.push(focused);
  }
  throw new Error(`no ${name} among ${passed.join(" | ")}`);
}

describeInBrowser("by keyboard only", () => {
  const site = useSite();

  test("a buyer picks, orders and cancels", async () => {
    const page = await site.visit();
    await connection(page, "live");
    await page.locator("[data-sku]").first().waitFor();
    await tabTo(page, /Skip to the catalogue/);
    await tabTo(page, /^Add to cart\s+Tides/);
    await page.keyboard.press("Enter");
    await page.keyboard.press("Space");
    // From the card it is one step to the cart, however many items there are.
    await page.keyboard.press("Tab");
    expect(await page.evaluate<string>(FOCUSED)).toBe("To the cart");
    await page.keyboard.press("Enter");
    await tabTo(page, /^Order now/);
    await page.keyboard.press("Enter");
    await order(page, "confirmed");
    await tabTo(page, /^Cancel the order/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    // The focus is back where it was.
    await expect.poll(() => page.evaluate<string>(FOCUSED)).toMatch(/^Cancel the order/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await tabTo(page, /^Cancel the order$/);
    await page.keyboard.press("Enter");
    const cancelled = await order(page, "cancelled");
    expect(await cancelled.innerText()).toContain("2 × Tides");
  });

  test("an operator enters and restocks", async () => {
    const page = await site.visit({ path: "/console" });
    const field = page.locator('input[name="token"]:focus');
    await field.waitFor();
    await page.keyboard.type(await operatorToken());
    await page.keyboard.press("Enter");
    await page.locator('tr[data-sku="PRINT-HARBOUR"]').waitFor();
    await tabTo(page, /^Restock: Harbour/);
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("3");
    await page.keyboard.press("Tab");
    await page.keyboard.type("more came");
    await page.keyboard.press("Enter");
    await page
      .locator('tr[data-sku="PRINT-HARBOUR"] .number.available', { hasText: "13" })
      .waitFor();
    await expect.poll(() => page.evaluate<string>(FOCUSED)).toMatch(/^Restock: Harbour/);
    // Whoever enters next can type at once.
    await page.getByRole("button", { name: "Sign out" }).press("Enter");
    await field.waitFor();
  });
});
