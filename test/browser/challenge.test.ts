import axe, { type AxeResults } from "axe-core";
import type { Page } from "playwright-core";
import { afterAll, beforeEach, expect, test } from "vitest";
import { GOOD_TOKEN, Siteverify } from "../support/siteverify.ts";
import { addToCart, connection, order, orderNow, ordersOf } from "./support/shop.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

/** The shop with Turnstile, whose script is a stand-in: the browser asks no other machine for it. */

const siteverify = new Siteverify("127.0.0.1");
const SCRIPT = /^https:\/\/challenges\.cloudflare\.com\/turnstile\/v0\/api\.js\?/;

/** A button in place of the widget; what it is rendered with and passes is as the documents say. */
const WIDGET = `
  window.turnstile = {
    render(place, { sitekey, action, size, callback, "error-callback": fail }) {
      const make = (text, click) => {
        const button = document.createElement("button");
        button.textContent = text;
        button.onclick = click;
        place.append(button);
      };
      make("Pass " + sitekey + " " + action + " " + size, () => callback(${JSON.stringify(GOOD_TOKEN)}));
      make("Look like a robot", () => callback("bad"));
      make("Break", () => fail("300010"));
      return "widget";
    },
  };
  onTurnstileLoad();
`;

const widget = (page: Page) => page.frameLocator('iframe[title="Check of new guests"]');
const pass = (page: Page) => widget(page).getByRole("button", { name: /^Pass/ });

describeInBrowser("the shop with Turnstile", async () => {
  const site = useSite({
    TURNSTILE_SECRET: "the secret key of the widget",
    TURNSTILE_SITE_KEY: "SITE",
    TURNSTILE_VERIFY_URL: await siteverify.open(),
  });
  beforeEach(() => void siteverify.heard.splice(0));
  afterAll(() => siteverify.close());

  /** How often the script was asked for. */
  let asked = 0;
  let isBlocked = false;
  beforeEach(() => {
    asked = 0;
    isBlocked = false;
  });
  const stub = (page: Page) =>
    page.route(SCRIPT, (route) => {
      asked++;
      if (isBlocked) return route.abort();
      return route.fulfill({ contentType: "text/javascript", body: WIDGET });
    });
  const visit = (options: { expected?: RegExp; prepare?: (page: Page) => Promise<unknown> } = {}) =>
    site.visit({
      allowed: SCRIPT,
      ...options,
      prepare: async (page) => {
        await stub(page);
        await options.prepare?.(page);
      },
    });

  test("a new buyer passes the widget once, orders, and is not asked again", async () => {
    const page = await visit();
    await page.getByText("A short check").waitFor();
    expect(await pass(page).innerText()).toBe("Pass SITE guest normal");
    await pass(page).click();
    await connection(page, "live");
    await page.getByText("A short check").waitFor({ state: "detached" });
    expect(siteverify.heard).toMatchObject([{ response: GOOD_TOKEN }]);
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await order(page, "confirmed");
    await page.reload();
    await connection(page, "live");
    await order(page, "confirmed");
    expect([asked, siteverify.heard.length, (await ordersOf(page)).length]).toEqual([1, 1, 1]);
  });

  test("an order that is clicked before the check goes out once it is passed", async () => {
    const page = await visit();
    await pass(page).waitFor();
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await page.getByText("Your order is sent as soon as the check is passed.").waitFor();
    expect(await page.evaluate("document.activeElement.id")).toBe("challenge");
    await orderNow(page).click();
    expect(await page.locator("[data-order]").count()).toBe(0);
    await pass(page).click();
    await order(page, "confirmed");
    expect(await ordersOf(page)).toHaveLength(1);
  });

  test("of two tabs one is passed, and the other goes on as the same customer", async () => {
    const page = await visit();
    await pass(page).waitFor();
    const other = await page.context().newPage();
    await stub(other);
    await other.goto(site.base);
    await pass(other).waitFor();
    await addToCart(other, "VINYL-TIDES");
    await orderNow(other).click();
    await other.getByText("Your order is sent as soon as the check is passed.").waitFor();
    await pass(page).click();
    await connection(page, "live");
    // It is the guest of both, and what waited goes out.
    await other.getByText("A short check").waitFor({ state: "detached" });
    await order(other, "confirmed");
    await order(page, "confirmed");
    expect(siteverify.heard).toHaveLength(1);
  });

  test("a refused check says so in plain words, and can be tried again", async () => {
    const page = await visit();
    await widget(page).getByRole("button", { name: "Look like a robot" }).click();
    const alert = page.getByRole("alert");
    await alert.getByText("The check for new guests was not passed").waitFor();
    expect(await alert.innerText()).toContain("Try it once more");
    // It does not try again by itself.
    await page.waitForTimeout(3_000);
    expect(siteverify.heard).toHaveLength(1);
    await alert.getByRole("button", { name: "Try again" }).click();
    await pass(page).click();
    await connection(page, "live");
    expect(await alert.count()).toBe(0);
  });

  test("so does a check that cannot be verified at the moment", async () => {
    const page = await visit({ expected: /status of 503/ });
    siteverify.isAway = true;
    await pass(page).click();
    const alert = page.getByRole("alert");
    await alert.getByText("cannot be verified at the moment").waitFor();
    siteverify.isAway = false;
    await alert.getByRole("button", { name: "Try again" }).click();
    await pass(page).click();
    await connection(page, "live");
    const keys = siteverify.heard.map((form) => form.idempotency_key);
    expect([keys.length, new Set(keys).size]).toEqual([3, 2]);
  });

  test("so does a widget that fails, or whose script is blocked", async () => {
    isBlocked = true;
    const page = await visit({ expected: /Failed to load resource: net::ERR_FAILED/ });
    const alert = page.getByRole("alert");
    await alert.getByText("(blocked)").waitFor();
    isBlocked = false;
    await alert.getByRole("button", { name: "Try again" }).click();
    await widget(page).getByRole("button", { name: "Break" }).click();
    await alert.getByText("(300010)").waitFor();
    await alert.getByRole("button", { name: "Try again" }).click();
    await pass(page).click();
    await connection(page, "live");
    expect(siteverify.heard).toHaveLength(1);
  });

  test("a message that is not of the widget's page passes nobody", async () => {
    const page = await visit();
    await pass(page).waitFor();
    await page.evaluate(
      `postMessage({ challenge: "passed", token: ${JSON.stringify(GOOD_TOKEN)} }, location.origin)`,
    );
    await page.waitForTimeout(1_000);
    expect([siteverify.heard, await pass(page).count()]).toEqual([[], 1]);
  });

  test("axe-core finds nothing serious, and a narrow phone has room for the widget", async () => {
    const page = await visit({ prepare: (one) => one.addInitScript({ content: axe.source }) });
    const serious = async () => {
      await pass(page).waitFor();
      const { violations } = await page.evaluate<AxeResults>("axe.run()");
      return violations
        .filter(({ impact }) => impact !== "minor" && impact !== "moderate")
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`);
    };
    expect(await serious()).toEqual([]);
    await page.setViewportSize({ width: 320, height: 700 });
    await page.reload();
    expect(await serious()).toEqual([]);
    expect(await pass(page).innerText()).toBe("Pass SITE guest compact");
    const overflow = await page.evaluate<number>(
      "document.documentElement.scrollWidth - document.documentElement.clientWidth",
    );
    expect(overflow).toBeLessThanOrEqual(0);
    await widget(page).getByRole("button", { name: "Break" }).click();
    await page.getByRole("alert").waitFor();
    const { violations } = await page.evaluate<AxeResults>("axe.run()");
    expect(
      violations.filter(({ impact }) => impact === "serious" || impact === "critical"),
    ).toEqual([]);
  });
});
