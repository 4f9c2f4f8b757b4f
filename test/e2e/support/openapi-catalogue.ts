import { v7 } from "uuid";
import { expect, test } from "vitest";
import type { ContractClient } from "./contract-client.ts";
import type { Stack } from "./stack.ts";

export const NEW_ITEM = { name: "Item", price: { amount: 1500, currency: "EUR" } };
/** What there is not. */
export const nowhere = { sku: "NO-SUCH-ITEM", id: v7() };

interface Context {
  stack: Stack;
  contract: ContractClient;
  operator: string;
}

/** The part of openapi.test.ts about items and their stock. */
export function catalogueTests(use: () => Context): void {
  test("the catalogue", async () => {
    const { contract, operator: token } = use();
    const path = { sku: `SKU-${v7()}` };
    const times = { saleStartsAt: "2026-01-01T00:00:00Z", saleEndsAt: "2126-01-01T00:00:00+01:00" };
    await contract.call("putItem", 201, { token, path, body: NEW_ITEM });
    await contract.call("putItem", 200, {
      token,
      path,
      body: { ...NEW_ITEM, ...times, limitPerCustomer: 2 },
    });
    await contract.call("putItem", 400, { token, path, body: { name: "", price: 1 } });
    await contract.call("putItem", 400, { token, path: { sku: "-" }, body: NEW_ITEM });
    await contract.refusesBodies("putItem", { token, path });
    const { headers } = await contract.call("getItem", 200, { path });
    const etag = headers.get("etag") ?? "";
    await contract.call("getItem", 304, { path, headers: { "if-none-match": etag } });
    const old = { "if-match": '"1.0"' };
    await contract.call("putItem", 412, { token, path, body: NEW_ITEM, headers: old });
    await contract.call("patchItem", 412, { token, path, body: { name: "Cup" }, headers: old });
    await contract.call("archiveItem", 412, { token, path, headers: old });
    const own = { "if-match": etag };
    await contract.call("patchItem", 200, { token, path, body: { name: "Cup" }, headers: own });
    await contract.call("patchItem", 400, { token, path, body: { name: "" } });
    await contract.call("patchItem", 404, { token, path: nowhere, body: { name: "x" } });
    await contract.refusesBodies("patchItem", { token, path });
    await contract.call("archiveItem", 400, { token, path, headers: { "if-match": "x" } });
    await contract.call("archiveItem", 204, { token, path });
    await contract.call("archiveItem", 404, { token, path: nowhere });
    await contract.call("putItem", 200, { token, path, body: { ...NEW_ITEM, status: "draft" } });
    await contract.call("listAllItems", 200, { token, query: { status: "draft" } });
    await contract.call("listAllItems", 400, { token, query: { sort: "name" } });
    const ndjson = { accept: "application/x-ndjson" };
    await contract.call("exportItems", 200, { token });
    await contract.call("exportItems", 200, { token, headers: ndjson });
    await contract.call("exportItems", 400, { token, query: { after: "-" } });
    await contract.call("exportItems", 406, { token, headers: { accept: "image/png" } });
    await contract.call("getItem", 404, { path: nowhere });
    await contract.call("putItem", 201, { token, path: { sku: `SKU-${v7()}` }, body: NEW_ITEM });
    await contract.call("putItem", 201, { token, path: { sku: `SKU-${v7()}` }, body: NEW_ITEM });
    await contract.call("getItem", 400, { path: nowhere, query: { fresh: "1" } });
    const one = { limit: "1" };
    const { body, headers: shown } = await contract.call("listItems", 200, { query: one });
    const seen = { "if-none-match": shown.get("etag") ?? "" };
    await contract.call("listItems", 304, { query: one, headers: seen });
    await contract.call("listItems", 200, { query: { cursor: String(body["nextCursor"]) } });
    await contract.call("listItems", 400, { query: { limit: "101" } });
    await contract.call("listItems", 400, { query: { cursor: "!" } });
  });

  test("stock", async () => {
    const { stack, contract, operator: token } = use();
    const path = { sku: await stack.operator.stocked(3) };
    const headers = { "idempotency-key": v7() };
    const body = { delta: 2, reason: "found" };
    await contract.call("adjustStock", 200, { token, path, body, headers });
    await contract.call("adjustStock", 200, { token, path, body, headers });
    await contract.call("adjustStock", 422, { token, path, body: { ...body, delta: 3 }, headers });
    await contract.call("adjustStock", 400, { token, path, body });
    await contract.call("adjustStock", 400, { token, path, body: { delta: 0 }, headers });
    await contract.call("adjustStock", 404, { token, path: nowhere, body, headers });
    const taken = { body: { delta: -100, reason: "lost" }, headers: { "idempotency-key": v7() } };
    await contract.call("adjustStock", 409, { token, path, ...taken });
    await contract.refusesBodies("adjustStock", { token, path });
    await contract.call("pauseItem", 200, { token, path });
    await contract.call("pauseItem", 404, { token, path: nowhere });
    const order = { lines: [{ sku: path.sku, quantity: 1 }] };
    const refused = await contract.call("placeOrder", 409, { token, body: order });
    expect(refused.body["code"]).toBe("paused");
    await contract.call("resumeItem", 200, { token, path });
    await contract.call("resumeItem", 404, { token, path: nowhere });
    await contract.call("getStock", 200, { token, path });
    await contract.call("getStock", 404, { token, path: nowhere });
    const { body: page } = await contract.call("getLedger", 200, {
      token,
      path,
      query: { limit: "1" },
    });
    const cursor = String(page["nextCursor"]);
    await contract.call("getLedger", 200, { token, path, query: { cursor } });
    await contract.call("getLedger", 400, { token, path, query: { cursor: "x" } });
    await contract.call("getLedger", 404, { token, path: nowhere });
    await contract.call("getDemand", 200, { token, path });
    await contract.call("getDemand", 404, { token, path: nowhere });
  });
}
