import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test } from "vitest";
import { observed } from "../support/d1.ts";
import { migrate, newSku, OPERATOR, worldOf } from "./support/world.ts";

beforeAll(migrate);

/** The Worker with a counted database, and some items. Other readers of the isolate have gone. */
async function catalogue(count: number, options: { vars?: Partial<OrdersEnv> } = {}) {
  const { db, trips } = observed(env.DB);
  const world = await worldOf({ db, ...options });
  const skus: string[] = [];
  for (let i = 0; i < count; i++) skus.push(await world.stocked(3));
  const get = (path: string, headers = {}) => world.call("GET", path, { headers });
  return { world, trips, skus, get };
}

interface List {
  items: { sku: string; available: number; received: number }[];
  nextCursor: string | null;
}
const listOf = (answer: { body: unknown }) => answer.body as List;
const cursorOf = (sku: string) => Buffer.from(sku).toString("base64url");
/** A page that begins behind this SKU, whether there is such an item or not. */
const behind = (sku: string) => `/v1/items?cursor=${cursorOf(sku)}`;
const skusOf = (answer: { body: unknown }) => listOf(answer).items.map(({ sku }) => sku);

describe("the catalogue", () => {
  test("costs D1 a batch a second, however many read it and whatever they read", async () => {
    const { trips, skus, get } = await catalogue(3);
    const paths = ["/v1/items", "/v1/items?limit=2", ...skus.map((sku) => `/v1/items/${sku}`)];
    const before = trips.length;
    const start_ms = Date.now();
    let answered = 0;
    // A slow machine needs longer for that many.
    const isEnough = () =>
      Date.now() - start_ms >= 3_500 && trips.length - before >= 3 && answered > 100;
    const viewer = async (n: number) => {
      for (let i = n; !isEnough(); i++) {
        const { status } = await get(paths[i % paths.length] ?? "");
        if (status === 200) answered++;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, n) => viewer(n)));
    const seconds = (Date.now() - start_ms) / 1_000;
    expect(trips.length - before).toBeLessThanOrEqual(seconds + 1);
    expect(trips.length - before).toBeGreaterThanOrEqual(3);
    expect(answered).toBeGreaterThan(100);
  });

  test("shows what an operator wrote at once, and what was sold within a second", async () => {
    const { world, skus, get } = await catalogue(1);
    const [sku = ""] = skus;
    expect((await get(`/v1/items/${sku}`)).body).toMatchObject({ available: 3, received: 3 });
    await world.receive(sku, 4);
    expect((await get(`/v1/items/${sku}`)).body).toMatchObject({ available: 7, received: 7 });
    await world.call("PATCH", `/v1/items/${sku}`, { as: OPERATOR, body: { name: "Other" } });
    expect((await get(`/v1/items/${sku}`)).body).toMatchObject({ name: "Other" });
    await world.call("DELETE", `/v1/items/${sku}`, { as: OPERATOR });
    expect((await get(`/v1/items/${sku}`)).status).toBe(404);
    expect(skusOf(await get(`/v1/items?sku=${sku}`))).toEqual([]);
    await env.DB.prepare("UPDATE items SET archived_at = NULL WHERE sku = ?").bind(sku).run();
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect((await get(`/v1/items/${sku}`)).status).toBe(200);
  });

  test("?sku= returns the items that it names", async () => {
    const { skus, get } = await catalogue(3);
    const [a = "", b = "", c = ""] = skus;
    const found = await get(`/v1/items?sku=${c},${a},${newSku()},${a}`);
    expect(skusOf(found)).toEqual([a, c].sort());
    expect(listOf(found).nextCursor).toBeNull();
    const same = await get(`/v1/items?sku=${a},${c}`);
    expect(same.headers.get("ETag")).toBe(found.headers.get("ETag"));
    const other = await get(`/v1/items?sku=${a},${b}`);
    expect(other.headers.get("ETag")).not.toBe(found.headers.get("ETag"));
  });

  test.each([
    ["?nonsense=1", "nonsense"],
    ["?limit=20&_=1760000000", "_"],
    ["?limit=20&limit=20", "limit"],
    ["?sku=A&limit=5", "sku"],
    ["?sku=", "sku"],
    ["?sku=A,,B", "sku"],
    [`?sku=${Array.from({ length: 51 }, (_, i) => `S${i}`).join()}`, "sku"],
    ["/SKU?fresh=1", "fresh"],
  ])("%s is refused before D1", async (query, path) => {
    const { trips, get } = await catalogue(0);
    const before = trips.length;
    const { status, headers, body } = await get(`/v1/items${query}`);
    expect([status, body["code"]]).toEqual([400, "invalid_request"]);
    expect(JSON.stringify(body["errors"])).toContain(path);
    expect(headers.get("Cache-Control")).toBe("no-store");
    expect(trips.length).toBe(before);
  });

  test("50 SKUs can be named, and 20 pages behind the first read at once; the next is told to wait", async () => {
    const { skus, get } = await catalogue(1);
    const many = [...Array.from({ length: 49 }, (_, i) => `S${i}`), ...skus];
    expect(skusOf(await get(`/v1/items?sku=${many.join()}`))).toEqual(skus);
    const answers = await Promise.all(Array.from({ length: 21 }, (_, i) => get(behind(`S${i}`))));
    expect(answers.map(({ status }) => status)).toEqual([...Array(20).fill(200), 429]);
    const refused = answers[20];
    expect([refused?.body.code, refused?.headers.get("Retry-After")]).toEqual([
      "rate_limited",
      "1",
    ]);
    expect(refused?.headers.get("Cache-Control")).toBe("no-store");
    expect(refused?.headers.get("Cloudflare-CDN-Cache-Control")).toBeNull();
    // A page that others have asked for is read with theirs.
    expect((await get(behind("S7"))).status).toBe(200);
  });

  test("pages with made-up cursors displace no first page, of which each shows what is its own", async () => {
    const { trips, skus, get } = await catalogue(3);
    const [before, start_ms] = [trips.length, Date.now()];
    const junk = Array.from({ length: 60 }, (_, i) => get(behind(`JUNK-${i}`)));
    const sizes = Array.from({ length: 100 }, (_, i) => i + 1);
    const firsts = await Promise.all(sizes.map((limit) => get(`/v1/items?limit=${limit}`)));
    expect(firsts.map(({ status }) => status)).toEqual(sizes.map(() => 200));
    await Promise.all(junk);
    expect(trips.length - before).toBeLessThanOrEqual((Date.now() - start_ms) / 1_000 + 1);
    const all = skusOf(firsts[99] ?? { body: {} });
    expect(all).toEqual(expect.arrayContaining(skus));
    for (const [i, first] of firsts.entries()) {
      expect(skusOf(first)).toEqual(all.slice(0, i + 1));
      const last = i + 1 < all.length ? all[i] : undefined;
      expect(listOf(first).nextCursor).toBe(last === undefined ? null : cursorOf(last));
    }
  });

  test("its responses may be cached for a second, and say nothing of who asked", async () => {
    const { skus, get } = await catalogue(1);
    for (const path of ["/v1/items?limit=1", `/v1/items/${skus[0]}`]) {
      const first = await get(path, { "X-Request-Id": "mine" });
      const etag = first.headers.get("ETag") ?? "";
      expect(etag).toMatch(/^"[!#-~]+"$/);
      const answers = [first, await get(path, { "X-Request-Id": "mine" })];
      for (const { headers } of answers) {
        expect(headers.get("Cache-Control")).toBe("no-cache");
        expect(headers.get("Cloudflare-CDN-Cache-Control")).toBe(
          "max-age=1, stale-while-revalidate=1, stale-if-error=10",
        );
        expect(headers.get("X-Request-Id")).toBeNull();
        expect(headers.get("ETag")).toBe(etag);
        expect(headers.get("Content-Type")).toBe("application/json");
      }
    }
  });

  test("a reader who has the page gets 304, until something of it changes", async () => {
    const { world, skus, get } = await catalogue(2);
    const path = `/v1/items?sku=${skus.join()}`;
    const etag = (await get(path)).headers.get("ETag") ?? "";
    const tags = { "If-None-Match": `"other", W/${etag}` };
    const { status, headers } = await world.fetch("GET", path, tags);
    expect([status, headers.get("ETag")]).toEqual([304, etag]);
    expect(headers.get("Cloudflare-CDN-Cache-Control")).toContain("max-age=1");
    await world.receive(skus[1] ?? "", 1);
    expect((await world.fetch("GET", path, { "If-None-Match": etag })).status).toBe(200);
  });
});

test.each([
  ["GET", "/healthz", 200],
  ["GET", "/v1/orders", 401],
  ["GET", "/v1/items/NOBODY-HAS-IT", 404],
  ["GET", "/nowhere", 404],
  ["POST", "/v1/items", 405],
  ["GET", "/v1/items?limit=0", 400],
])("%s %s (%i) is not stored by anyone", async (method, path, status) => {
  const world = await worldOf();
  const response = await world.fetch(method, path);
  expect([response.status, response.headers.get("Cache-Control")]).toEqual([status, "no-store"]);
  expect(response.headers.get("X-Request-Id")).not.toBeNull();
});
