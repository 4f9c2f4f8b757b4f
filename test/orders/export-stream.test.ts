import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { MAX_EXPORTS } from "../../src/orders/http/exports.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { addItem, candidateFor, place } from "./support/data.ts";
import {
  CSV,
  exportWith,
  insertOrders,
  insertPayments,
  insertReturns,
  NDJSON,
  ordersPath,
  paidOrder,
  parseNdjson,
  textOf,
} from "./support/export.ts";
import { call, migrate, operatorToken, problemOf } from "./support/worker.ts";

const ORDERS = 20_500;
const FROM_MS = Date.parse("2026-02-01T00:00:00Z");
const FULL = ordersPath(FROM_MS, FROM_MS + ORDERS);
const rows = Array.from({ length: ORDERS }, (_, i) => paidOrder(FROM_MS + i));
const ids = rows.map(({ id }) => id);

beforeAll(async () => {
  await migrate();
  await insertOrders(rows);
  await insertPayments(ids.map((id) => ({ order_id: id, reference: `of ${id}` })));
});
afterEach(() => void vi.useRealTimers());

const tick = () => new Promise((resolve) => setTimeout(resolve, 10));

/** Reads page by page; `between` is called after each. */
async function readAll(response: Response, between: (page: number) => Promise<void>) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body!) {
    chunks.push(chunk);
    await between(chunks.length);
  }
  const text = await new Response(new Blob(chunks)).text();
  return { text, bytes: chunks.map(({ byteLength }) => byteLength) };
}

describe(`the export of ${ORDERS} orders`, () => {
  it("has each once while others are placed, and reads D1 only as its reader goes on", async () => {
    const { db, trips } = observed(env.DB);
    const sku = await addItem();
    const late = ordersPath(FROM_MS, Date.now() + 3_600_000);
    const response = await exportWith(db, late, NDJSON);
    const placed: string[] = [];
    const { text, bytes } = await readAll(response, async (page) => {
      const candidate = candidateFor(sku);
      await place(candidate);
      placed.push(candidate.id);
      await tick();
      expect(trips.length).toBeLessThanOrEqual(page);
    });
    const { values, next } = parseNdjson(text);
    expect(next).toBeNull();
    const found = values.map(({ id }) => id);
    expect(found.slice(0, ORDERS)).toEqual(ids);
    // Of those placed meanwhile none twice; they are behind all others, so they are met as well.
    expect(placed.slice(0, found.length - ORDERS)).toEqual(found.slice(ORDERS));
    expect(found.length).toBeGreaterThan(ORDERS);
    const references = values
      .slice(0, ORDERS)
      .map(({ payments }) =>
        (payments as { reference: string }[]).map(({ reference }) => reference).join(),
      );
    expect(references).toEqual(ids.map((id) => `of ${id}`));
    expect(trips.every(({ sql }) => sql.length === 3)).toBe(true);
    // A page has 500 orders, so no more than one page was in memory.
    expect(bytes.length).toBeGreaterThanOrEqual(ORDERS / 500);
    expect(Math.max(...bytes)).toBeLessThan(500 * 1_000);
  });

  it("has each entry once as CSV", async () => {
    const response = await call("GET", FULL, { token: await operatorToken(), headers: CSV });
    const lines = (await textOf(response)).trimEnd().split("\r\n");
    expect(lines.at(-1)).toMatch(/^end,/);
    const entries = lines.slice(1, -1).map((line) => line.split(",").slice(0, 3));
    expect(entries.map(([type, , id]) => [type, id])).toEqual(
      ids.flatMap((id) => [
        ["sale", id],
        ["payment", id],
      ]),
    );
  });

  it("costs nothing more once its reader has gone, and other exports are served", async () => {
    const { db, trips } = observed(env.DB);
    for (let i = 0; i < 3 * MAX_EXPORTS; i++) {
      const response = await exportWith(db, FULL, NDJSON);
      expect(response.status).toBe(200);
      const reader = response.body!.getReader();
      await reader.read();
      await reader.read();
      await reader.cancel();
    }
    const read = trips.length;
    expect(read).toBeLessThanOrEqual(2 * 3 * MAX_EXPORTS);
    await tick();
    expect(trips.length).toBe(read);
  });

  it("is 503 while too many are under way, and lets go of those that vanish without a word", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const open: ReadableStreamDefaultReader<Uint8Array>[] = [];
    for (let i = 0; i < MAX_EXPORTS; i++) {
      const reader = (await exportWith(env.DB, FULL, CSV)).body!.getReader();
      await reader.read();
      open.push(reader);
    }
    for (const path of [FULL, "/v1/operations/items/export"]) {
      const refused = await exportWith(env.DB, path, CSV);
      expect([refused.status, refused.headers.get("Retry-After")]).toEqual([503, "2"]);
      expect((await problemOf(refused)).code).toBe("unavailable");
    }
    // One goes on, which keeps its slot; the others' contexts are gone, and no timer runs there.
    vi.setSystemTime(Date.now() + 80_000);
    await open[0]!.read();
    vi.setSystemTime(Date.now() + 80_000);
    const again: Response[] = [];
    for (let i = 0; i < MAX_EXPORTS; i++) again.push(await exportWith(env.DB, FULL, CSV));
    expect(again.map(({ status }) => status)).toEqual([200, 200, 200, 503]);
    // One whose slot has lapsed and is taken may not go on beside the others.
    await expect(open[1]!.read()).rejects.toThrow("slot has lapsed");
    for (const { body } of again) await body?.cancel();
    for (const reader of open.filter((_, i) => i !== 1)) await reader.cancel();
    expect((await textOf(await exportWith(env.DB, FULL, CSV))).length).toBeGreaterThan(0);
  });
});

describe("an export whose D1 fails", () => {
  it("is 503 if it has not begun", async () => {
    for (const path of [FULL, "/v1/operations/items/export"]) {
      for (let i = 0; i < 2 * MAX_EXPORTS; i++) {
        const response = await exportWith(brokenDb(env.DB), path, NDJSON);
        expect([response.status, (await problemOf(response)).code]).toEqual([503, "unavailable"]);
      }
    }
  });

  it.each([CSV, NDJSON])("breaks off in the middle, without a last line: %j", async (headers) => {
    const { db } = observed(env.DB, {
      before(_, trip) {
        if (trip === 3) throw new Error("D1_ERROR: the database is away");
      },
    });
    const chunks: Uint8Array[] = [];
    const response = await exportWith(db, FULL, headers);
    expect(response.status).toBe(200);
    const read = async () => {
      for await (const chunk of response.body!) chunks.push(chunk);
    };
    await expect(read()).rejects.toThrow("the database is away");
    expect(chunks).toHaveLength(3);
    const text = await new Response(new Blob(chunks)).text();
    expect(text).not.toMatch(/^(end|next),|"next"/m);
  });
});

describe("a page", () => {
  it("ends early when its orders are large, and an order with many entries is whole", async () => {
    const from_ms = Date.parse("2026-03-01T00:00:00Z");
    const metadata = JSON.stringify({ note: "x".repeat(4_000) });
    const large = Array.from({ length: 600 }, (_, i) => paidOrder(from_ms + i, { metadata }));
    await insertOrders(large);
    const many = large[300]!.id;
    await insertPayments(
      Array.from({ length: 3_000 }, () => ({ order_id: many, state: "unmatched", why: "amount" })),
    );
    await insertReturns(
      Array.from({ length: 100 }, () => ({ order_id: many, reason: "x".repeat(500) })),
    );
    const response = await exportWith(env.DB, ordersPath(from_ms, from_ms + 600), NDJSON);
    const { text, bytes } = await readAll(response, async () => undefined);
    const { values } = parseNdjson(text);
    expect(values.map(({ id }) => id)).toEqual(large.map(({ id }) => id));
    const counts = values.map((one) =>
      [one["payments"], one["returns"]].map((all) => (all as []).length),
    );
    expect(counts.filter(([payments]) => payments! > 0)).toEqual([[3_000, 100]]);
    expect(bytes.length).toBeGreaterThanOrEqual(4);
    // A page of 1 MB and the one large order.
    expect(Math.max(...bytes)).toBeLessThan(3_500_000);
  });
});
