import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { CSV, NDJSON, parseNdjson, textOf } from "./support/export.ts";
import { call, migrate, operatorToken } from "./support/worker.ts";

beforeAll(migrate);

async function read(path: string, headers: Record<string, string>): Promise<string> {
  const response = await call("GET", path, { token: await operatorToken(), headers });
  expect(response.status).toBe(200);
  return textOf(response);
}

describe("the export of items", () => {
  it("has all items, also drafts and archived ones, in both formats", async () => {
    const token = await operatorToken();
    const put = (sku: string, body: object) =>
      call("PUT", `/v1/items/${sku}`, {
        token,
        body: { name: sku, price: { amount: 5, currency: "EUR" }, ...body },
      });
    await put("A", {
      name: "=A",
      limitPerCustomer: 2,
      paymentWindowSeconds: 0,
      saleStartsAt: "2026-01-01T00:00:00Z",
    });
    await put("B", { status: "draft", paymentWindowSeconds: 90 });
    await put("C", {});
    await call("DELETE", "/v1/items/C", { token });
    await env.DB.prepare(
      "UPDATE items SET received = 9, available = 4, held = 2, sold = 3 WHERE sku = 'A'",
    ).run();
    const path = "/v1/operations/items/export";
    const listed = await call("GET", "/v1/operations/items", { token });
    const { items } = (await listed.json()) as { items: { updatedAt: string }[] };
    expect(parseNdjson(await read(path, NDJSON))).toEqual({ values: items, next: null });
    expect(parseNdjson(await read(`${path}?after=A`, NDJSON)).values).toEqual(items.slice(1));
    const at = items.map(({ updatedAt }) => updatedAt);
    expect((await read(path, CSV)).split("\r\n")).toEqual([
      "type,sku,name,status,price,currency,limit_per_customer,payment_window_seconds,sale_starts_at,sale_ends_at,sale_state,received,available,held,sold,updated_at",
      `item,A,'=A,listed,5,EUR,2,0,2026-01-01T00:00:00.000Z,,open,9,4,2,3,${at[0]}`,
      `item,B,B,draft,5,EUR,,90,,,open,0,0,0,0,${at[1]}`,
      `item,C,C,archived,5,EUR,,,,,open,0,0,0,0,${at[2]}`,
      "end,,,,,,,,,,,,,,,",
      "",
    ]);
    const response = await call("GET", `${path}?after=a%20b`, { token });
    expect(response.status).toBe(400);
  });
});
