import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { dialog, enterConsole, goTo, row } from "./support/console.ts";
import { addToCart, connection, order, orderNow } from "./support/shop.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

const LOOKS = [
  { colorScheme: "light", width: 1280 },
  { colorScheme: "dark", width: 1280 },
  { colorScheme: "light", width: 390 },
  { colorScheme: "dark", width: 390 },
] as const;

/** What axe-core finds in each look, beyond "minor" and "moderate", and what does not fit on the page. */
async function faults(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const { colorScheme, width } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 844 });
    // Colours fade from one scheme to the other.
    await page.waitForTimeout(900);
    const look = `${colorScheme} ${width}`;
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    for (const { id, impact, nodes } of violations) {
      if (impact === "minor" || impact === "moderate") continue;
      const where = nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ""}`);
      found.push(`${look}: ${id}: ${where.join(" | ")}`);
    }
    const overflow = await page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    if (overflow > 0) found.push(`${look}: the page is ${overflow} px wider than the screen`);
  }
  return found;
}

const prepare = (page: Page) => page.addInitScript({ content: axe.source });

describeInBrowser("axe-core finds nothing serious", () => {
  const site = useSite({ PAYMENT_WINDOW_SECONDS: "600" });

  test("in the shop", async () => {
    const sku = await site.operator.stocked(3);
    const page = await site.visit({ prepare });
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    const confirmed = await order(page, "confirmed");
    await addToCart(page, sku);
    await addToCart(page, "SNEAKER-COMET-42");
    expect(await faults(page)).toEqual([]);
    await confirmed.getByRole("button", { name: /^Cancel/ }).click();
    await page.getByRole("dialog").waitFor();
    expect(await faults(page)).toEqual([]);
  });

  test("in the console", async () => {
    const page = await enterConsole(site, "/console", prepare);
    await row(page, "VINYL-TIDES").waitFor();
    expect(await faults(page)).toEqual([]);
    await row(page, "VINYL-TIDES")
      .getByRole("button", { name: /^Ledger/ })
      .click();
    await dialog(page).getByText("receive").waitFor();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await row(page, "VINYL-TIDES").getByRole("button", { name: /^Edit/ }).click();
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await goTo(page, "Orders");
    await page.locator("[data-order]").first().getByRole("button").first().click();
    await page.locator(".history li").first().waitFor();
    expect(await faults(page)).toEqual([]);
  });

  test("in the other views of the console", async () => {
    const page = await enterConsole(site, "/console#demo", prepare);
    await page.getByLabel("Buyers", { exact: true }).fill("10");
    await page.getByRole("button", { name: "Start a sale" }).click();
    await page.getByRole("list", { name: "Invariants" }).waitFor({ timeout: 120_000 });
    expect(await faults(page)).toEqual([]);
    await goTo(page, "Reconcile");
    await page.getByRole("button", { name: "Compare", exact: true }).click();
    await page.getByText("No differences").waitFor();
    expect(await faults(page)).toEqual([]);
    await goTo(page, "Dead letters");
    await page.getByText("No dead letters").waitFor();
    expect(await faults(page)).toEqual([]);
  });

  test("in the console's views of money and webhooks", async () => {
    const payment = { reference: "pi_stray", orderId: "no order", amount: 1_250, currency: "EUR" };
    await site.operator.call("POST", "/v1/payments", payment);
    const receiver = new WebhookReceiver();
    receiver.behaviour = () => ({ status: 404, body: "no such page" });
    try {
      await site.operator.call("POST", "/v1/webhooks", { url: await receiver.open() });
      await site.operator.call("POST", "/v1/payments", { ...payment, reference: "pi_other" });
      const page = await enterConsole(site, "/console#payments", prepare);
      await page.locator("[data-payment]").first().waitFor();
      expect(await faults(page)).toEqual([]);
      await goTo(page, "Webhooks");
      const hook = page.locator("[data-webhook]");
      await hook.getByText("1 event refused").waitFor();
      await hook.getByRole("button", { name: "Deliveries" }).click();
      await hook.locator("[data-delivery]").waitFor();
      expect(await faults(page)).toEqual([]);
      await page.getByRole("button", { name: "Add a webhook" }).click();
      expect(await faults(page)).toEqual([]);
    } finally {
      receiver.close();
    }
  });

  test("at the console's door, after a refusal", async () => {
    const page = await site.visit({ path: "/console", prepare });
    await page.getByLabel("Token").fill("no");
    await page.getByRole("button", { name: "Enter" }).click();
    await page.getByRole("alert").waitFor();
    expect(await faults(page)).toEqual([]);
  });
});
