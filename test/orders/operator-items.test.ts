import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { type ItemQuery, listAllItems } from "../../src/orders/items/item-queries.sql.ts";
import type { StockedItem } from "../../src/orders/items/item.ts";
import { call, migrate, operatorToken } from "./support/worker.ts";

const DAY_MS = 86_400_000;
const day = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();
const price = { amount: 500, currency: "EUR" };

/** SKU → details, in the order of their sales. */
const ITEMS: Record<string, Record<string, unknown>> = {
  "A-always": { name: "Blue cup" },
  "Z-ended": { name: "Old poster", saleStartsAt: day(-9), saleEndsAt: day(-1) },
  "B-open": { name: "Red CUP", saleStartsAt: day(-1), saleEndsAt: day(1) },
  "D-draft": { name: "Secret", status: "draft", saleStartsAt: day(2) },
  "C-soon": { name: "100% wool_cap", saleStartsAt: day(3) },
};

let token: string;
beforeAll(async () => {
  await migrate();
  token = await operatorToken();
  for (const [sku, details] of Object.entries({ ...ITEMS, "E-gone": { name: "Gone" } })) {
    await call("PUT", `/v1/items/${sku}`, { token, body: { price, ...details } });
  }
  await call("DELETE", "/v1/items/E-gone", { token });
  await env.DB.prepare(
    "UPDATE items SET received = 9, available = 4, held = 3, sold = 2, level_version = 8 WHERE sku = 'B-open'",
  ).run();
});

async function list(query: string): Promise<StockedItem[]> {
  const all: StockedItem[] = [];
  for (let cursor = "", pages = 0; pages < 30; pages++) {
    const path = `/v1/operations/items?${query}${cursor && `&cursor=${cursor}`}`;
    const response = await call("GET", path, { token });
    expect([response.status, response.headers.get("Cache-Control")]).toEqual([200, "no-store"]);
    const page = (await response.json()) as { items: StockedItem[]; nextCursor: string | null };
    all.push(...page.items);
    if (page.nextCursor === null) return all;
    cursor = page.nextCursor;
  }
  throw new Error("the list has no end");
}

const skus = async (query: string) => (await list(query)).map(({ sku }) => sku);
const BY_SKU = ["A-always", "B-open", "C-soon", "D-draft", "E-gone", "Z-ended"];

describe("the operators' items", () => {
  it("are found by their sale being on now, the last begun first", async () => {
    expect(await skus("onSale=true")).toEqual(["B-open"]);
    await call("PUT", "/v1/items/F-later", {
      token,
      body: { price, name: "F", saleStartsAt: day(-0.5) },
    });
    await call("PUT", "/v1/items/G-until", {
      token,
      body: { price, name: "G", saleEndsAt: day(1) },
    });
    expect(await skus("onSale=true")).toEqual(["F-later", "B-open", "G-until"]);
    expect(await skus("onSale=true&limit=1")).toEqual(["F-later"]);
    await env.DB.prepare("DELETE FROM items WHERE sku IN ('F-later', 'G-until')").run();
    const refused = await call("GET", "/v1/operations/items?onSale=yes", { token });
    expect(refused.status).toBe(400);
  });

  it("have what buyers do not see", async () => {
    const items = await list("");
    expect(items.find(({ sku }) => sku === "B-open")).toEqual({
      sku: "B-open",
      name: "Red CUP",
      price,
      limitPerCustomer: null,
      paymentWindowSeconds: null,
      saleStartsAt: ITEMS["B-open"]?.["saleStartsAt"],
      saleEndsAt: ITEMS["B-open"]?.["saleEndsAt"],
      status: "listed",
      etag: '"1.8"',
      saleState: "open",
      paused: false,
      level: { received: 9, available: 4, held: 3, sold: 2 },
      updatedAt: expect.any(String),
    });
    expect(items.map(({ status }) => status)).toEqual([
      "listed",
      "listed",
      "listed",
      "draft",
      "archived",
      "listed",
    ]);
    expect(items.map(({ saleState }) => saleState)).toEqual([
      "open",
      "open",
      "upcoming",
      "upcoming",
      "open",
      "ended",
    ]);
  });

  it.each(["limit=1", "limit=2", "limit=100"])(
    "come once each, in order, with %s",
    async (limit) => {
      expect(await skus(limit)).toEqual(BY_SKU);
      expect(await skus(`${limit}&sort=saleStartsAt`)).toEqual([
        "A-always",
        "E-gone",
        "Z-ended",
        "B-open",
        "D-draft",
        "C-soon",
      ]);
    },
  );

  it.each([
    ["q=cup", ["A-always", "B-open"]],
    ["q=b-", ["B-open"]],
    ["q=%25", ["C-soon"]],
    ["q=l_c", ["C-soon"]],
    ["q=nothing", []],
    ["status=draft", ["D-draft"]],
    ["status=archived", ["E-gone"]],
    ["status=listed&q=e", ["A-always", "B-open", "Z-ended"]],
  ])("are found by %s", async (query, expected) => {
    expect(await skus(`${query}&limit=1`)).toEqual(expected);
  });

  it.each(["status=gone", "sort=name", "q=", "cursor=x", "limit=0"])(
    "?%s is 400",
    async (query) => {
      const response = await call("GET", `/v1/operations/items?${query}`, { token });
      expect(response.status).toBe(400);
    },
  );
});

it.each(["draft", "listed"])("an archived item says that it was %s", async (status) => {
  const sku = `S-${status}`;
  await call("PUT", `/v1/items/${sku}`, { token, body: { name: "Shelved", price, status } });
  const [before] = await list(`q=${sku}`);
  expect(before).not.toHaveProperty("statusBefore");
  await call("DELETE", `/v1/items/${sku}`, { token });
  expect(await list(`q=${sku}`)).toMatchObject([{ status: "archived", statusBefore: status }]);
  await call("PUT", `/v1/items/${sku}`, { token, body: { name: "Shelved", price, status } });
  expect(await list(`q=${sku}`)).toMatchObject([{ status }]);
});

it("a long catalogue is searched in bounded pages, to its end", async () => {
  await env.DB.prepare(
    `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
     INSERT INTO items (sku, name, price_amount, price_currency, updated_at)
     SELECT 'N' || printf('%05d', i), 'Number ' || i, 1, 'EUR', 1 FROM n`,
  ).run();
  expect(await skus("q=Number 2500&limit=1")).toEqual(["N02500"]);
  expect(await skus("q=Number 2500&limit=1&sort=saleStartsAt")).toEqual(["N02500"]);
});

it("a sale that started before 1970 is in both orders", async () => {
  const body = { name: "Moon", price, saleStartsAt: "1969-07-20T20:17:00Z" };
  await call("PUT", "/v1/items/M-old", { token, body });
  expect(await skus("q=Moon&sort=saleStartsAt")).toEqual(["M-old"]);
  expect(await skus("q=Moon&sort=sku")).toEqual(["M-old"]);
});

it.each(["sku", "saleStartsAt"])(
  "a page by %s reads no more rows far into the catalogue than at its start",
  async (sort) => {
    await env.DB.prepare(
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
       INSERT INTO items (sku, name, price_amount, price_currency, sale_starts_at, updated_at)
       SELECT ?1 || printf('%05d', i), 'Many', 1, 'EUR', iif(i % 2, i * 1000000, NULL), 1 FROM n`,
    )
      .bind(`P-${sort}-`)
      .run();
    const reads = await rowsReadByPages({ sort: sort as "sku" | "saleStartsAt", pages: 8 });
    expect(reads).toHaveLength(8);
    // Two statements, each of at most twice a page's scan, sorted.
    expect(Math.max(...reads)).toBeLessThanOrEqual(Math.max(...reads.slice(0, 2)) * 1.5);
  },
);

/** The rows that D1 reads for each of the first pages, which find nothing. */
async function rowsReadByPages({ sort, pages }: { sort: ItemQuery["sort"]; pages: number }) {
  const reads: number[] = [];
  let after: ItemQuery["after"] = null;
  for (let page = 0; page < pages; page++) {
    let read = 0;
    const db = counting(env.DB, (rows) => (read += rows));
    const found = await listAllItems(db, { q: "nowhere", status: null, sort, after, limit: 1 });
    reads.push(read);
    after = found.next;
    if (after === null) break;
  }
  return reads;
}

/** The database, saying how many rows each batch has read. */
function counting(db: D1Database, count: (rows: number) => void): D1Database {
  const batch = async <T>(statements: D1PreparedStatement[]) => {
    const results = await db.batch<T>(statements);
    for (const { meta } of results) count(meta.rows_read);
    return results;
  };
  return { prepare: db.prepare.bind(db), batch } as unknown as D1Database;
}
