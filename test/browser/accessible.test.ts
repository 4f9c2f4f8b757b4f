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
  { colorScheme: "light", width: 800 },
] as const;

/** The end of what moves or fades in this look; what goes on for ever is not waited for. */
const AT_REST = `(async () => {
  await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const ending = document
    .getAnimations()
    .filter(({ effect }) => Number.isFinite(effect.getComputedTiming().endTime));
  await Promise.allSettled(ending.map(({ finished }) => finished));
})()`;

/** What axe-core finds in each look, beyond "minor" and "moderate", and what does not fit on the page. */
async function faults(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const { colorScheme, width } of LOOKS) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    await page.setViewportSize({ width, height: 844 });
    await page.evaluate(AT_REST);
    const look = `${colorScheme} ${width}`;
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    for (const { id, impact, nodes } of violations) {
      const isMild = impact === "minor" || impact === "moderate";
      if (isMild && id !== "heading-order") continue;
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

  test("with a name of 45 letters, an item's own view, and the way to the cart at every width", async () => {
    const sku = await site.operator.stocked(3);
    const name = "Superkalifragilistikexpialigetischabcdefghijk";
    const item = { name, price: { amount: 1_234_567, currency: "KWD" } };
    await site.operator.call("PUT", `/v1/items/${sku}`, item);
    const page = await enterConsole(site, "/console", prepare);
    await row(page, sku).waitFor();
    expect(await faults(page)).toEqual([]);
    await page.getByRole("button", { name: "New item" }).click();
    await dialog(page).waitFor();
    // At 1280 px, where the fields stand side by side.
    await page.setViewportSize({ width: 1280, height: 900 });
    const boxes = await Promise.all(
      (await dialog(page).locator("input, select").all()).map((field) => field.boundingBox()),
    );
    const isOver = boxes.some((a, i) =>
      boxes.slice(i + 1).some((b) => {
        if (!a || !b) return true;
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x;
        return !apart && a.y < b.y + b.height && b.y < a.y + a.height;
      }),
    );
    expect([boxes.length, isOver]).toEqual([10, false]);
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await row(page, sku).getByRole("link", { name }).click();
    await page.locator(".seconds").waitFor();
    expect(await faults(page)).toEqual([]);

    const shop = await site.visit({ prepare, locale: "de-DE" });
    await connection(shop, "live");
    await addToCart(shop, sku);
    for (const width of [390, 700, 900]) {
      await shop.setViewportSize({ width, height: 844 });
      await shop.locator(".cart-bar").getByText("1 Artikel").waitFor();
    }
    // Money by the region, with ISO's digits.
    await shop
      .locator(".cart-bar")
      .getByText(/1\.234,567\sKWD/)
      .waitFor();
    await shop.getByRole("button", { name: /^Jetzt bestellen/ }).click();
    await shop.locator('[data-order][data-status="confirmed"]').waitFor();
    await shop.locator(".cart-bar").getByText("Ihre Bestellungen").waitFor();
    expect(await shop.evaluate<string>("document.documentElement.lang")).toBe("de-DE");
    expect(await shop.title()).toBe("Lockstock: von allem wenig, fair verkauft");
    const description = shop.locator('meta[name="description"]');
    expect(await description.getAttribute("content")).toMatch(/^Begrenzte Artikel/);
    expect(await faults(shop)).toEqual([]);
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
