import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { observed } from "../support/d1.ts";
import {
  addItem,
  fakeFeeds,
  levelOf,
  locked,
  markPresent,
  orderNow,
  pendingOrder,
  portsWith,
} from "./support/data.ts";
import { call, migrate } from "./support/worker.ts";

beforeAll(migrate);

describe("settling tells the feeds", () => {
  it("of present customers, and calls no other", async () => {
    const [present, absent] = [await pendingOrder(), await pendingOrder()];
    await markPresent(present.customerId);
    const feeds = fakeFeeds();
    await settle([locked(present.id), locked(absent.id)], portsWith({ feeds }));
    expect(feeds.told.map(({ id, status }) => [id, status])).toEqual([[present.id, "confirmed"]]);
  });

  it("invariant 9: after D1 has the outcome, never before", async () => {
    const order = await pendingOrder();
    await markPresent(order.customerId);
    const log: string[] = [];
    const { db } = observed(env.DB, { after: () => void log.push("durable") });
    const feeds = {
      push: async () => {
        log.push("told");
        return { unnotified: new Map() };
      },
      isExhausted: () => false,
    };
    await settle([locked(order.id)], portsWith({ db, feeds }));
    expect(log).toEqual(["durable", "told"]);
  });

  it("invariant 9: how each order of the batch stands, changed or not", async () => {
    const order = await pendingOrder();
    await markPresent(order.customerId);
    await settle([locked(order.id)], portsWith());
    const feeds = fakeFeeds();
    await settle([locked(order.id)], portsWith({ feeds }));
    expect(feeds.told).toMatchObject([{ id: order.id, status: "confirmed", revision: 2 }]);
  });

  it("once an order, however many events name it", async () => {
    const order = await pendingOrder();
    await markPresent(order.customerId);
    const feeds = fakeFeeds();
    await settle([locked(order.id), locked(order.id)], portsWith({ feeds }));
    expect(feeds.told).toHaveLength(1);
  });

  it("and what could not be told is undecided, though it is durable", async () => {
    const [told, unnotified] = [await pendingOrder(), await pendingOrder()];
    await markPresent(told.customerId);
    await markPresent(unnotified.customerId);
    const feeds = fakeFeeds(({ id }) => id === unnotified.id);
    const events = [locked(told.id), locked(unnotified.id)];
    const { undecided } = await settle(events, portsWith({ feeds }));
    expect([...undecided]).toEqual([
      [events[1], { type: "failed", error: "the feed does not answer" }],
    ]);
    expect((await orderNow(unnotified.id)).status).toBe("confirmed");
  });
});

describe("levels in the read model", () => {
  const available = (sku: string) =>
    env.DB.prepare("SELECT available FROM items WHERE sku = ?")
      .bind(sku)
      .first<number>("available");
  const levelAt = (sku: string) =>
    env.DB.prepare("SELECT level_at FROM items WHERE sku = ?").bind(sku).first<number>("level_at");

  it("invariant 10: a newer one is applied, an older one never", async () => {
    const sku = await addItem();
    await settle([levelOf(sku, 7, 5)], portsWith());
    await settle([levelOf(sku, 9, 4)], portsWith());
    expect(await available(sku)).toBe(7);
    await settle([levelOf(sku, 3, 6)], portsWith());
    expect(await available(sku)).toBe(3);
  });

  it("invariant 10: the newest of a batch wins, in whatever order they come", async () => {
    const sku = await addItem();
    await settle([levelOf(sku, 1, 7), levelOf(sku, 2, 9), levelOf(sku, 3, 8)], portsWith());
    expect(await available(sku)).toBe(2);
  });

  it("the same version again confirms it; an older one does not", async () => {
    const sku = await addItem();
    await settle([levelOf(sku, 1, 7)], portsWith({ now: () => 1_000 }));
    await settle([levelOf(sku, 1, 7)], portsWith({ now: () => 2_000 }));
    expect(await levelAt(sku)).toBe(2_000);
    // Told earlier, and overtaken on its way.
    const older = { ...levelOf(sku, 8, 6), at: new Date(1_500).toISOString() };
    await settle([older], portsWith({ now: () => 3_000 }));
    expect(await levelAt(sku)).toBe(2_000);
  });

  it("of an item that is not in the catalogue is let be", async () => {
    expect(await settle([levelOf("NO-SUCH-ITEM", 1, 1)], portsWith())).toMatchObject({
      undecided: new Map(),
    });
    expect((await call("GET", "/v1/items/NO-SUCH-ITEM")).status).toBe(404);
  });
});
