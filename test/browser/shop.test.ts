import type { WebSocketRoute } from "playwright-core";
import { expect, test } from "vitest";
import { type Client, clientOf } from "../e2e/support/client.ts";
import {
  addToCart,
  card,
  connection,
  holdCatalogue,
  order,
  orderNow,
  ordersOf,
} from "./support/shop.ts";
import { describeInBrowser, useSite } from "./support/site.ts";

describeInBrowser("the shop", () => {
  const site = useSite({ PAYMENT_WINDOW_SECONDS: "600" });

  test("an order is confirmed by push, with the time to pay", async () => {
    const page = await site.visit();
    await connection(page, "live");
    // From here on only the WebSocket can tell what becomes of an order.
    await page.route(/\/v1\/orders\?/, (route) => route.abort());
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    const confirmed = await order(page, "confirmed");
    expect(await confirmed.innerText()).toMatch(/1 × Tides.*€32.00[^]*Pay within 0?9:\d\d|10:00/);
    expect(await page.getByText("Nothing picked yet").isVisible()).toBe(true);
  });

  test("a cart of several items is one order, and its stock is live for another buyer", async () => {
    const sku = await site.operator.stocked(7);
    const other = await site.visit();
    const page = await site.visit();
    await addToCart(page, sku);
    await addToCart(page, "TICKET-NIGHTFALL");
    await page.getByRole("button", { name: /One more: Nightfall/ }).click();
    await page.getByText("€153.00").first().waitFor();
    await orderNow(page).click();
    await order(page, "confirmed");
    expect((await ordersOf(page)).map(({ lines }) => lines.length)).toEqual([2]);
    await card(other, sku).getByText("6 left").waitFor();
    expect(await card(other, sku).getByRole("meter").getAttribute("aria-valuenow")).toBe("6");
  });

  test("of two browsers that want the last unit one wins, the other sees it is sold out", async () => {
    const sku = await site.operator.stocked(1);
    const pages = await Promise.all([site.visit(), site.visit()]);
    for (const page of pages) {
      await connection(page, "live");
      await addToCart(page, sku);
    }
    // Else the slower one may be told before its click that the unit is gone.
    const goOn = await Promise.all(pages.map((page) => holdCatalogue(page.context(), site.base)));
    await Promise.all(pages.map((page) => orderNow(page).click()));
    for (const unhold of goOn) await unhold();
    const ends = await Promise.all(
      pages.map(async (page) => {
        const won = order(page, "confirmed").then(() => "won");
        // At the door, or a moment later: either way in words.
        const words = page
          .locator(".notice, .order-words")
          .filter({ hasText: /^Sold out/ })
          .first();
        const lost = words.waitFor().then(() => "lost");
        return await Promise.any([won, lost]);
      }),
    );
    expect(ends.toSorted()).toEqual(["lost", "won"]);
    for (const page of pages) {
      await card(page, sku)
        .getByRole("button", { name: /^Sold out/ })
        .waitFor();
    }
    expect(await site.operator.level(sku)).toMatchObject({ received: 1, available: 0, held: 1 });
  });

  test("a double click orders once", async () => {
    const page = await site.visit();
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).dblclick({ noWaitAfter: true });
    await order(page, "confirmed");
    expect(await ordersOf(page)).toHaveLength(1);
  });

  test("a reload before the answer orders once, with the same key", async () => {
    const page = await site.visit();
    const keys: (string | null)[] = [];
    let isLost = true;
    await page.route(/\/v1\/orders$/, async (route) => {
      keys.push(await route.request().headerValue("idempotency-key"));
      if (!isLost) return route.continue();
      await route.fetch(); // it is placed, but the answer never comes
    });
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await page.getByText("Sending").waitFor();
    await expect.poll(() => keys.length).toBe(1);
    isLost = false;
    await page.reload();
    await order(page, "confirmed");
    await expect.poll(() => page.getByText("Sending").count()).toBe(0);
    expect(new Set(keys)).toEqual(new Set([keys[0]]));
    expect(keys.length).toBeGreaterThan(1);
    expect(await ordersOf(page)).toHaveLength(1);
    await page.getByText("Nothing picked yet").waitFor();
  });

  test("an order that gets no answer is sent again, with the same key", async () => {
    const page = await site.visit({ expected: /net::ERR|503/ });
    let calls = 0;
    let isSeen = false;
    await page.route(/\/v1\/orders$/, async (route) => {
      calls++;
      if (calls > 2 && isSeen) return route.continue();
      if (calls === 1) await route.fetch();
      await route.abort();
    });
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await page.getByText("Your order is kept and sent again").waitFor();
    isSeen = true;
    await order(page, "confirmed");
    expect(await ordersOf(page)).toHaveLength(1);
  });

  test("an order that was taken, unheard, is not placed again when the token is refused meanwhile", async () => {
    const page = await site.visit({ expected: /503/ });
    let calls = 0;
    await page.route(/\/v1\/orders$/, async (route) => {
      calls++;
      if (calls > 3) return route.continue();
      if (calls === 1) await route.fetch();
      const [status, code] = calls === 1 ? [503, "unavailable"] : [401, "unauthenticated"];
      const headers = { "Content-Type": "application/problem+json" };
      return route.fulfill({ status, headers, body: JSON.stringify({ status, code }) });
    });
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    // The feed shows the order that was taken; its key goes on until its own answer is there.
    await order(page, "confirmed");
    await expect.poll(() => calls).toBeGreaterThan(3);
    await page.getByText("Your order is kept and sent again").waitFor({ state: "detached" });
    expect(await ordersOf(page)).toHaveLength(1);
  });

  test("cancelling asks first, and tells the reason in words", async () => {
    const page = await site.visit();
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    const confirmed = await order(page, "confirmed");
    await confirmed.getByRole("button", { name: /Cancel/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Keep it" }).click();
    expect((await ordersOf(page))[0]?.status).toBe("confirmed");
    await confirmed.getByRole("button", { name: /Cancel/ }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the order" }).click();
    const cancelled = await order(page, "cancelled");
    expect(await cancelled.innerText()).toContain("Everything went back on sale.");
  });

  test("a limit per customer and a sale that has not begun hold the buyer back", async () => {
    const sku = await site.operator.stocked(5);
    const starts = new Date(Date.now() + 3_600_000).toISOString();
    const item = { name: "Later", price: { amount: 500, currency: "EUR" }, saleStartsAt: starts };
    await site.operator.call("PUT", `/v1/items/${sku}`, item);
    const page = await site.visit();
    expect(await card(page, sku).innerText()).toMatch(/Opens in (59|60|1:00):\d\d/);
    await card(page, sku)
      .getByRole("button", { name: /^Not open yet/ })
      .click({ force: true });
    await addToCart(page, "SNEAKER-COMET-42");
    await addToCart(page, "SNEAKER-COMET-42");
    await orderNow(page).click();
    await order(page, "confirmed");
    expect((await ordersOf(page)).map(({ lines }) => lines.map((l) => l.quantity))).toEqual([[1]]);
    // The page knows what this customer has; so does the item, when another tab has ordered since.
    await card(page, "SNEAKER-COMET-42")
      .getByRole("button", { name: /^Limit used up/ })
      .waitFor();
    await addToCart(page, "SNEAKER-COMET-42");
    expect(await page.locator(".cart-line").count()).toBe(0);
  });

  test("what cannot be ordered stays in the cart and sinks nothing, what was refused comes back", async () => {
    const [plenty, few, gone] = [
      await site.operator.stocked(9),
      await site.operator.stocked(4),
      await site.operator.stocked(1),
    ];
    const item = { name: "Few each", price: { amount: 500, currency: "EUR" } };
    const limit = (limitPerCustomer: number) =>
      site.operator.call("PUT", `/v1/items/${plenty}`, { ...item, limitPerCustomer });
    await limit(5);
    const page = await site.visit({ expected: /net::ERR_FAILED/ });
    await connection(page, "live");
    for (const sku of [plenty, few, few, few, gone]) await addToCart(page, sku);
    const token = await page.evaluate<string>("JSON.parse(localStorage['lockstock.guest']).token");
    const me = clientOf(site.base, token);
    const other = await guest();
    await other.place([{ sku: gone, quantity: 1 }]);
    await other.place([{ sku: few, quantity: 2 }]);
    const line = (sku: string) => page.locator(`.cart-line[data-sku="${sku}"]`);
    await line(gone).getByText("Sold out. It is not ordered.").waitFor();
    await line(few).getByText("Only 2 left: 2 ordered.").waitFor();
    await orderNow(page).click();
    await order(page, "confirmed");
    expect((await ordersOf(page))[0]?.lines.map((l) => [l.sku, l.quantity])).toEqual([
      [plenty, 1],
      [few, 2],
    ]);
    await line(gone)
      .getByRole("button", { name: /^Remove/ })
      .click();

    // A limit that the page does not know of yet: the item decides, and the line is in the cart again.
    await page.route(/\/v1\/items/, (route) => route.abort());
    await limit(2);
    await addToCart(page, plenty);
    await addToCart(page, plenty);
    await orderNow(page).click();
    const cancelled = await order(page, "cancelled");
    expect(await cancelled.innerText()).toContain("your limit is used up");
    await page.getByText("What it named is in the cart again").first().waitFor();
    expect(await line(plenty).locator("output").innerText()).toBe("2");
    expect((await me.get<{ orders: unknown[] }>("/v1/orders")).orders).toHaveLength(2);
  });

  test("who is refused for asking too often is told so, not that there is no connection", async () => {
    const headers = { "Content-Type": "application/problem+json", "Retry-After": "1" };
    const body = JSON.stringify({ status: 429, code: "rate_limited", title: "Too many requests" });
    let isLimited = true;
    const page = await site.visit({
      expected: /net::ERR_FAILED/,
      prepare: async (fresh) => {
        await fresh.route(/\/v1\/(orders|items|feed)/, (route) =>
          isLimited ? route.fulfill({ status: 429, headers, body }) : route.continue(),
        );
        await fresh.routeWebSocket(/\/v1\/feed/, (socket) => {
          if (isLimited) return socket.close({ code: 1011 });
          return void socket.connectToServer();
        });
      },
    });
    await connection(page, "busy");
    await page.getByText("Many are here at the moment.").waitFor();
    expect(await page.getByRole("alert").count()).toBe(1);
    isLimited = false;
    await connection(page, "live");
    // Gone without a word: a socket does not notice, the calls do.
    await page.route(/\/v1\/items/, (route) => route.abort());
    await page.getByText("The shop cannot be reached.").waitFor();
    await connection(page, "offline");
  });

  test("names that are read from right to left leave quantities where they are", async () => {
    const sku = await site.operator.stocked(5);
    const item = { name: "חולצה 42", price: { amount: 500, currency: "EUR" } };
    await site.operator.call("PUT", `/v1/items/${sku}`, item);
    const page = await site.visit();
    await addToCart(page, sku);
    await addToCart(page, sku);
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await order(page, "confirmed");
    const seen = await page.evaluate<number[]>(`(() => {
      const p = document.querySelector(".order-lines");
      const quantities = [...p.childNodes].filter((node) => /^\\d+$/.test(node.textContent));
      const parts = [quantities[0], p.querySelector("bdi").firstChild, quantities[1]];
      return parts.map((node) => {
        const range = document.createRange();
        range.selectNode(node);
        return range.getBoundingClientRect().x;
      });
    })()`);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(await page.getByRole("status").last().textContent()).toContain(
      "2 × \u2068חולצה 42\u2069",
    );
  });

  test("without the WebSocket it polls, and says so", async () => {
    const page = await site.visit({
      prepare: (fresh) => fresh.routeWebSocket(/\/v1\/feed/, (socket) => socket.close()),
    });
    await connection(page, "polling");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    const confirmed = await order(page, "confirmed");
    expect(await confirmed.innerText()).toContain("It is yours");
  });

  test("a token that is refused is replaced", async () => {
    const stale = JSON.stringify({ customerId: "guest_stale", token: "e30.e30.e30" });
    const page = await site.visit({
      prepare: (fresh) =>
        fresh.addInitScript(`localStorage["lockstock.guest"] ??= ${JSON.stringify(stale)}`),
    });
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await order(page, "confirmed");
    expect(await ordersOf(page)).toHaveLength(1);
  });

  test("the token of a guest with orders is kept while it is refused, and while nothing answers", async () => {
    let fault: "none" | "refused" | "unavailable" = "none";
    const page = await site.visit({
      expected: /status of 503/,
      prepare: async (fresh) => {
        await fresh.route(/\/v1\/(orders|guests)/, (route) => {
          if (fault === "none") return route.continue();
          const [status, code] =
            fault === "refused" ? [401, "unauthenticated"] : [503, "unavailable"];
          const headers = { "Content-Type": "application/problem+json" };
          return route.fulfill({ status, headers, body: JSON.stringify({ status, code }) });
        });
        await fresh.routeWebSocket(/\/v1\/feed/, (socket) => {
          if (fault === "none") return void socket.connectToServer();
          return socket.close({ code: fault === "refused" ? 4401 : 1011 });
        });
      },
    });
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await order(page, "confirmed");
    const tokenNow = () =>
      page.evaluate<string>("JSON.parse(localStorage['lockstock.guest']).token");
    const token = await tokenNow();
    for (const next of ["unavailable", "refused"] as const) {
      fault = next;
      await page.reload();
      const alert = page.getByText("does not accept this session");
      if (next === "refused") await alert.waitFor();
      else await connection(page, "busy");
      expect(await tokenNow()).toBe(token);
      fault = "none";
      await connection(page, "live");
      await order(page, "confirmed");
      await alert.waitFor({ state: "detached" });
      expect(await tokenNow()).toBe(token);
    }
  });

  test("an order without an answer is not sent for the guest who has started anew", async () => {
    let isRefused = false;
    let isAway = true;
    const held: WebSocketRoute[] = [];
    const senders = new Set<string>();
    const headers = { "Content-Type": "application/problem+json" };
    const page = await site.visit({
      expected: /status of 503/,
      prepare: async (fresh) => {
        await fresh.route(/\/v1\/orders/, async (route) => {
          const request = route.request();
          if (request.method() === "POST") {
            // Null: the page was left while the request was under way.
            const sender = await request.headerValue("authorization").catch(() => null);
            if (sender !== null) senders.add(sender);
            if (isAway) return route.fulfill({ status: 503, headers, body: '{"status":503}' });
          } else if (isRefused) {
            const body = '{"status":401,"code":"unauthenticated"}';
            return route.fulfill({ status: 401, headers, body });
          }
          return route.continue();
        });
        await fresh.routeWebSocket(/\/v1\/feed/, (socket) => {
          if (isRefused) return void held.push(socket);
          return void socket.connectToServer();
        });
      },
    });
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await expect.poll(() => senders.size).toBe(1);
    isRefused = true;
    await page.reload();
    await expect.poll(() => held.length).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Start anew" }).click();
    isRefused = false;
    // A ticket that the guest before still got: its socket must not pass for the new guest's.
    for (const socket of held) socket.connectToServer();
    await connection(page, "live");
    isAway = false;
    await page.getByText("It may exist all the same").first().waitFor();
    await orderNow(page).waitFor();
    expect(await ordersOf(page)).toEqual([]);
    expect(senders.size).toBe(1);
  });

  test("while every token is refused, new guests are made at a pace", async () => {
    let guests = 0;
    const body = '{"status":401,"code":"unauthenticated"}';
    const headers = { "Content-Type": "application/problem+json" };
    const page = await site.visit({
      expected: /status of (401|429)/,
      prepare: async (fresh) => {
        fresh.on("request", (request) => {
          if (request.method() === "POST" && request.url().endsWith("/v1/guests")) guests += 1;
        });
        await fresh.route(/\/v1\/(orders|feed)/, (route) =>
          route.fulfill({ status: 401, headers, body }),
        );
      },
    });
    await page.waitForTimeout(6_000);
    expect(guests).toBeGreaterThan(0);
    expect(guests).toBeLessThan(20);
  });

  test("a guest with orders who is refused may start anew", async () => {
    const page = await site.visit();
    await connection(page, "live");
    // Not run out, and of no secret that is known here.
    const claims = Buffer.from('{"sub":"guest_stale","exp":4102444800}').toString("base64url");
    const stale = { customerId: "guest_stale", token: `e30.${claims}.e30`, hasOrders: true };
    await page.evaluate(
      `localStorage["lockstock.guest"] = ${JSON.stringify(JSON.stringify(stale))}`,
    );
    await page.reload();
    await page.getByRole("button", { name: "Start anew" }).click();
    await connection(page, "live");
    await addToCart(page, "VINYL-TIDES");
    await orderNow(page).click();
    await order(page, "confirmed");
    expect(await ordersOf(page)).toHaveLength(1);
  });

  async function guest(): Promise<Client> {
    const { body } = await clientOf(site.base).call<{ token: string }>("POST", "/v1/guests");
    return clientOf(site.base, body.token);
  }
});
