import { expect, test } from "vitest";
import { until } from "../e2e/support/until.ts";
import { WebhookReceiver } from "../support/webhook-receiver.ts";
import { dialog, enterConsole, goTo } from "./support/console.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

/** What the console shows of the world outside: money that needs somebody, and the shop's endpoints. */

describeInBrowser("the console", () => {
  const site = useSite();

  test("says what is wrong first, leads to it, and has money marked as refunded", async () => {
    const payment = { reference: "pi_stray", orderId: "no order", amount: 1_250, currency: "EUR" };
    expect((await site.operator.call("POST", "/v1/payments", payment)).status).toBe(201);
    const page = await enterConsole(site);
    const alert = page.locator('[data-alert="money_unmatched"]');
    await alert.waitFor();
    expect(await alert.innerText()).toMatch(/1 payment belongs to no order.*\n?.*Refund/);
    await alert.getByRole("link", { name: "Show them" }).click();
    const row = page.locator('[data-payment="pi_stray"]');
    await row.waitFor();
    expect(await row.innerText()).toMatch(/€12\.50[^]*There is no such order/);
    await row.getByRole("button", { name: "Mark as refunded" }).click();
    await dialog(page).getByRole("button", { name: "Keep it" }).click();
    await row.getByRole("button", { name: "Mark as refunded" }).click();
    await dialog(page).getByRole("button", { name: "It is refunded" }).click();
    await expect.poll(() => row.count()).toBe(0);
    await expect.poll(() => alert.count()).toBe(0);
    await page.getByRole("button", { name: "Refunded", exact: true }).click();
    await row.waitFor();
  });

  test("adds a webhook, shows its secret once, its refused events, and sends them again", async () => {
    const receiver = new WebhookReceiver();
    const url = await receiver.open();
    try {
      const page = await enterConsole(site);
      await goTo(page, "Webhooks");
      await page.getByText("No webhooks").waitFor();
      await page.getByRole("button", { name: "Add a webhook" }).click();
      await dialog(page)
        .getByLabel(/^Address/)
        .fill(url);
      await dialog(page).getByLabel("item.sold_out").uncheck();
      await dialog(page).getByRole("button", { name: "Add", exact: true }).click();
      const secret = await dialog(page).getByLabel("Secret").inputValue();
      await dialog(page).getByRole("button", { name: "I have it" }).click();
      const hook = page.locator("[data-webhook]");
      await hook.getByText("11 types").waitFor();

      await hook.getByRole("button", { name: "Send a test" }).click();
      await until("the test arrives", () => receiver.received.length === 1);
      WebhookReceiver.verify(receiver.received[0]!, secret);

      receiver.behaviour = () => ({ status: 422, body: "what is this?" });
      const payment = { reference: "pi_hook", orderId: "none", amount: 1, currency: "EUR" };
      await site.operator.call("POST", "/v1/payments", payment);
      await hook.getByText("1 event refused").waitFor();
      await hook.getByRole("button", { name: "Deliveries" }).click();
      const event = hook.locator("[data-delivery]");
      await event.waitFor();
      expect(await event.innerText()).toMatch(/payment\.unmatched[^]*422 [^]*what is this\?/);
      receiver.behaviour = () => ({ status: 204 });
      await event.getByRole("button", { name: "Send again" }).click();
      await hook.getByText("Everything is delivered.").waitFor();
      await event.getByText("Delivered").waitFor();

      await hook.getByRole("button", { name: "Switch off" }).click();
      await hook.getByText("An operator has switched it off.").waitFor();
      await hook.getByRole("button", { name: "Delete" }).click();
      await dialog(page).getByRole("button", { name: "Delete" }).click();
      await page.getByText("No webhooks").waitFor();
    } finally {
      receiver.close();
    }
  });
});
