import { expect, test } from "vitest";
import { dialog, enterConsole, row } from "./support/console.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

describeInBrowser("prices in the console", () => {
  const site = useSite();

  test.each([
    { sku: "A-DINAR", currency: "KWD", wrong: "12.3456", typed: "12.345", amount: 12_345 },
    { sku: "A-YEN", currency: "JPY", wrong: "1500.50", typed: "1500", amount: 1_500 },
    // The browser's own table has no digits for it.
    { sku: "A-RIAL", currency: "IQD", wrong: "1.5005", typed: "1.5", amount: 1_500 },
  ])(
    "$typed is a price in $currency, $wrong is none",
    async ({ sku, currency, wrong, typed, amount }) => {
      const page = await enterConsole(site);
      await page.getByRole("button", { name: "New item" }).click();
      await dialog(page).getByLabel(/^SKU/).fill(sku);
      await dialog(page).getByLabel("Name").fill(currency);
      await dialog(page).getByLabel("Status").selectOption("listed");
      await dialog(page).getByLabel("Currency").fill(currency);
      await dialog(page).getByLabel("Price").fill(wrong);
      await dialog(page).getByRole("button", { name: "Create" }).click();
      await page.getByText(`This is no price in ${currency}`).waitFor();
      await dialog(page).getByLabel("Price").fill(typed);
      await dialog(page).getByRole("button", { name: "Create" }).click();
      await row(page, sku).waitFor();
      expect(await site.operator.item(sku)).toMatchObject({ price: { amount, currency } });

      await row(page, sku).getByRole("button", { name: /^Edit/ }).click();
      const digits = { KWD: 3, JPY: 0, IQD: 3 }[currency] ?? 2;
      const shown = await dialog(page).getByLabel("Price").inputValue();
      expect(shown).toBe((amount / 10 ** digits).toFixed(digits));
      await dialog(page).getByRole("button", { name: "Save" }).click();
      await dialog(page).waitFor({ state: "detached" });
      expect(await site.operator.item(sku)).toMatchObject({ price: { amount, currency } });
    },
  );

  test("a code that is no currency is said to be none", async () => {
    const page = await enterConsole(site);
    await page.getByRole("button", { name: "New item" }).click();
    await dialog(page).getByLabel(/^SKU/).fill("A-NOTHING");
    await dialog(page).getByLabel("Name").fill("Nothing");
    await dialog(page).getByLabel("Currency").fill("ZZZ");
    await dialog(page).getByLabel("Price").fill("1");
    await dialog(page).getByRole("button", { name: "Create" }).click();
    const said = page.getByText("ZZZ is no currency of ISO 4217");
    await said.waitFor();
    expect(await said.count()).toBe(1);
  });
});
