/**
 * Takes the pictures of the README: `npm run screenshots` writes docs/images. It starts a site of
 * its own, on an empty state, with a staged sale; the hour before it is made up.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Browser, Page } from "playwright-core";
import { ask } from "./lib/api-client.ts";
import { launchBrowser } from "./lib/browser.ts";
import { NpmStart } from "./lib/npm-start.ts";
import { ROOT } from "./lib/project.ts";
import { signToken } from "./lib/token.ts";

const PORT = 18_940;
const BASE = `http://127.0.0.1:${PORT}`;
const OUT = join(ROOT, "docs/images");
const WIDE = { width: 1280, height: 860 };
const PHONE = { width: 390, height: 844 };
/** Bars and colours have come to rest. */
const REST_MS = 1_200;
const HOUR_MS = 3_600_000;

type Call = (method: string, path: string, body?: unknown, token?: string) => Promise<unknown>;

const call: Call = async (method, path, body, token) => {
  const headers = { "idempotency-key": crypto.randomUUID() };
  const answer = await ask(BASE, token, method, path, { body, headers });
  if (answer.status >= 400) throw new Error(`${method} ${path}: ${answer.status}`);
  return answer.body;
};

const price = (amount: number) => ({ amount, currency: "EUR" });
const at = (from_now_ms: number) => new Date(Date.now() + from_now_ms).toISOString();

async function guest(): Promise<string> {
  return ((await call("POST", "/v1/guests")) as { token: string }).token;
}

/** Something of everything: few left, sold out, a countdown to the start and one to the end. */
async function stage(operator: string): Promise<void> {
  const later = { name: "Equinox, riso poster A2", price: price(4_800) };
  await call(
    "PUT",
    "/v1/items/POSTER-EQUINOX",
    { ...later, saleStartsAt: at(1.6 * HOUR_MS) },
    operator,
  );
  await call(
    "POST",
    "/v1/items/POSTER-EQUINOX/stock",
    { delta: 60, reason: "print run" },
    operator,
  );
  const ending = { name: "Nightfall live, standing ticket", price: price(6_900) };
  const ends = { limitPerCustomer: 4, saleEndsAt: at(0.71 * HOUR_MS) };
  await call("PUT", "/v1/items/TICKET-NIGHTFALL", { ...ending, ...ends }, operator);
  const wanted: [sku: string, units: number, buyers: number][] = [
    ["PRINT-HARBOUR", 1, 10],
    ["SNEAKER-COMET-42", 1, 21],
    ["TICKET-NIGHTFALL", 4, 44],
    ["VINYL-TIDES", 1, 38],
  ];
  for (const [sku, quantity, buyers] of wanted) {
    for (let i = 0; i < buyers; i++) {
      const token = await guest();
      const order = (await call("POST", "/v1/orders", { lines: [{ sku, quantity }] }, token)) as {
        id: string;
      };
      if (i % 3 === 0) await pay(order.id, operator);
    }
  }
}

async function pay(id: string, operator: string): Promise<void> {
  for (let attempt = 0; attempt < 20; attempt++) {
    const order = (await call("GET", `/v1/orders/${id}`, undefined, operator)) as {
      status: string;
    };
    if (order.status === "confirmed") break;
    await sleep(100);
  }
  await call("POST", `/v1/orders/${id}/pay`, undefined, operator);
}

/** An hour of a sale that opened half an hour ago. */
function makeUpHistory(state: string): void {
  const folder = join(state, "v3/d1/miniflare-D1DatabaseObject");
  const now = Math.floor(Date.now() / 60_000);
  for (const name of readdirSync(folder).filter((file) => file.endsWith(".sqlite"))) {
    const db = new DatabaseSync(join(folder, name));
    db.exec("PRAGMA busy_timeout = 5000");
    if (db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'minutes'").get()) {
      const insert = db.prepare(
        `INSERT INTO minutes (minute, placed, confirmed, paid, cancelled, ms_30, ms_75, ms_150, ms_500)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (minute) DO NOTHING`,
      );
      for (let ago = 59; ago > 0; ago--) {
        const rush = ago < 34 ? 210 * Math.exp((ago - 34) / 9) : 0;
        const wave = 14 + 6 * Math.sin(ago / 3) + 3 * Math.cos(ago * 1.7);
        const confirmed = Math.round(wave + rush);
        const cancelled = Math.round(rush * (34 - ago) * 0.035 + (ago % 4));
        const placed = confirmed + cancelled;
        const slow = Math.round(placed * (0.02 + rush / 900));
        const quick = Math.round(placed * 0.38);
        const counts = [placed, confirmed, Math.round(confirmed * 0.4), cancelled];
        insert.run(
          now - ago,
          ...counts,
          quick,
          placed - quick - slow,
          Math.ceil(slow / 2),
          slow >> 1,
        );
      }
    }
    db.close();
  }
}

async function shoot(page: Page, name: string): Promise<void> {
  await page.evaluate("scrollTo(0, 0)");
  await page.mouse.move(0, 0);
  await sleep(REST_MS);
  await page.screenshot({ path: join(OUT, `${name}.png`) });
  console.log(`docs/images/${name}.png`);
}

/** Each look of what the page shows now. */
async function shootLooks(page: Page, name: string): Promise<void> {
  for (const [size, suffix] of [
    [WIDE, ""],
    [PHONE, "-phone"],
  ] as const) {
    await page.setViewportSize(size);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await shoot(page, `${name}${suffix}-${colorScheme}`);
    }
  }
}

async function shop(browser: Browser, operator: string): Promise<void> {
  const page = await (await browser.newContext({ viewport: WIDE })).newPage();
  await page.goto(BASE);
  const add = (name: RegExp) => page.getByRole("button", { name }).click();
  const placeOrder = async () => {
    await page.getByRole("button", { name: /^Order now/ }).click();
    await page.locator('[data-status="confirmed"]').first().waitFor();
  };
  await add(/^Add to cart Tides/);
  await placeOrder();
  const paid = await page.locator("[data-order]").first().getAttribute("data-order");
  if (paid !== null) await pay(paid, operator);
  await page.locator('[data-status="paid"]').waitFor();
  await add(/^Add to cart Comet/);
  await placeOrder();
  await add(/^Add to cart Nightfall/);
  await add(/^Add to cart Nightfall/);
  await shootLooks(page, "shop");
  await page.context().close();
}

async function operatorsConsole(browser: Browser, operator: string): Promise<void> {
  const page = await (await browser.newContext({ viewport: WIDE })).newPage();
  await page.goto(`${BASE}/console`);
  await page.getByLabel("Token").fill(operator);
  await page.getByRole("button", { name: "Enter" }).click();
  await page.locator("tr[data-sku] .level").first().waitFor();
  await shootLooks(page, "console");
  await page.emulateMedia({ colorScheme: "light" });
  await page.setViewportSize(WIDE);
  await page.getByRole("link", { name: "Demo" }).click();
  await page.getByRole("button", { name: "Start a sale" }).click();
  await page.getByRole("list", { name: "Invariants" }).waitFor({ timeout: 60_000 });
  await page.setViewportSize({ ...WIDE, height: 680 });
  await shoot(page, "sale-demo");
}

const state = mkdtempSync(join(tmpdir(), "lockstock-pictures-"));
mkdirSync(OUT, { recursive: true });
const site = new NpmStart({ state, port: PORT });
let browser: Browser | undefined;
try {
  await site.ready();
  const operator = await signToken("pictures", "operator");
  await stage(operator);
  makeUpHistory(state);
  browser = await launchBrowser();
  await shop(browser, operator);
  await operatorsConsole(browser, operator);
} finally {
  await browser?.close();
  await site.stop();
  rmSync(state, { recursive: true, force: true, maxRetries: 5 });
}
