import { v7 } from "uuid";
import { expect, test } from "vitest";
import { WebhookReceiver } from "../../support/webhook-receiver.ts";
import type { ContractClient } from "./contract-client.ts";
import { NEW_ITEM, nowhere } from "./openapi-catalogue.ts";
import type { Stack } from "./stack.ts";
import { until } from "./until.ts";

interface Context {
  stack: Stack;
  contract: ContractClient;
  operator: string;
}

/** The part of openapi.test.ts about what the shop's other systems use. */
export function outsideTests(use: () => Context): void {
  test("changes", async () => {
    const { contract, operator: token } = use();
    type Page = { changes: unknown[]; nextCursor: string };
    const { body } = await contract.call<Page>("listChanges", 200, { token });
    expect(body.changes.length).toBeGreaterThan(0);
    const query = { after: body.nextCursor, limit: "500" };
    await contract.call("listChanges", 200, { token, query });
    const headers = { prefer: "wait=1" };
    await contract.call("listChanges", 200, { token, query, headers });
    await contract.call("listChanges", 400, { token, query: { after: "yesterday" } });
    await contract.call("listChanges", 410, { token, query: { after: "abc-1-end" } });
  });

  test("webhooks", async () => {
    const { stack, contract, operator: token } = use();
    const receiver = new WebhookReceiver();
    const url = await receiver.open();
    try {
      const body = { url, types: ["item.back_in_stock"] };
      const { body: made } = await contract.call<{ id: string }>("createWebhook", 201, {
        token,
        body,
      });
      await contract.call("createWebhook", 400, { token, body: { url: "nowhere" } });
      await contract.refusesBodies("createWebhook", { token });
      const path = { id: made.id };
      await contract.call("listWebhooks", 200, { token });
      await contract.call("getWebhook", 200, { token, path });
      await contract.call("changeWebhook", 200, { token, path, body: { state: "on" } });
      await contract.call("changeWebhook", 400, { token, path, body: { state: "asleep" } });
      await contract.refusesBodies("changeWebhook", { token, path });
      await contract.call("rotateSecret", 200, { token, path });
      await contract.call("testWebhook", 200, { token, path });
      await stack.operator.stocked(1);
      await until("the event", () => receiver.received.length >= 2);
      type Page = { deliveries: { id: string }[] };
      const { body: page } = await contract.call<Page>("listDeliveries", 200, { token, path });
      await contract.call("listDeliveries", 200, { token, path, query: { state: "parked" } });
      await contract.call("listDeliveries", 400, { token, path, query: { state: "lost" } });
      const event = { ...path, eventId: page.deliveries[0]!.id };
      await contract.call("resendEvent", 202, { token, path: event });
      await contract.call("resendEvent", 404, { token, path: { ...path, eventId: "none" } });
      for (const id of ["getWebhook", "rotateSecret", "testWebhook", "listDeliveries"]) {
        await contract.call(id, 404, { token, path: nowhere });
      }
      await contract.call("changeWebhook", 404, { token, path: nowhere, body });
      const others: string[] = [];
      for (let i = 0; i < 19; i++) {
        const { body: other } = await contract.call<{ id: string }>("createWebhook", 201, {
          token,
          body,
        });
        others.push(other.id);
      }
      await contract.call("createWebhook", 409, { token, body });
      for (const id of [made.id, ...others]) {
        await contract.call("deleteWebhook", 204, { token, path: { id } });
      }
      await contract.call("deleteWebhook", 404, { token, path });
    } finally {
      receiver.close();
    }
  });

  test("calls with many lines", async () => {
    const { contract, operator: token } = use();
    const [sku, other] = [`SKU-${v7()}`, `SKU-${v7()}`];
    const items = [{ sku, ...NEW_ITEM }, { sku: other, ...NEW_ITEM, name: "" }, { sku: "no sku" }];
    await contract.call("putItems", 200, { token, body: { items } });
    await contract.call("putItems", 400, { token, body: { items: [] } });
    const headers = { "idempotency-key": v7() };
    const changes = [
      { sku, unsold: 3, expected: 0 },
      { sku: other, delta: 1 },
    ];
    await contract.call("changeStocks", 200, { token, body: { changes }, headers });
    await contract.call("changeStocks", 200, { token, body: { changes }, headers });
    await contract.call("changeStocks", 400, { token, body: { changes } });
    const count = { unsold: 4, expected: 1, reason: "count" };
    const alone = { token, path: { sku }, headers: { "idempotency-key": v7() } };
    await contract.call("adjustStock", 409, { ...alone, body: count });
    for (const id of ["putItems", "changeStocks"]) {
      const own = id === "changeStocks" ? { token, headers } : { token };
      await contract.call(id, 400, { ...own, body: "{" });
      await contract.call(id, 413, {
        ...own,
        body: JSON.stringify({ items: "x".repeat(1_100_000) }),
      });
      const type = { ...own.headers, "content-type": "text/plain" };
      await contract.call(id, 415, { ...own, body: "text", headers: type });
    }
  });
}
