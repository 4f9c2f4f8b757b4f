import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { StockEvent } from "../../src/contract/stock-events.ts";
import { type Order } from "../../src/orders/order/order.ts";
import { settle } from "../../src/orders/outcomes/settle.ts";
import { brokenDb, observed } from "../support/d1.ts";
import {
  committed,
  fakeFeeds,
  locked,
  markPresent,
  orderNow,
  pendingOrder,
  POLICY,
  portsWith,
  refused,
  released,
  moveOne,
} from "./support/data.ts";
import { migrate, rowCounts } from "./support/worker.ts";

beforeAll(migrate);

const apply = (...events: StockEvent[]) => settle(events, portsWith());

async function confirmedOrder(): Promise<Order> {
  const { id } = await pendingOrder();
  await apply(locked(id));
  return orderNow(id);
}

async function moved(name: "cancel" | "pay"): Promise<Order> {
  const { id } = await confirmedOrder();
  await moveOne(name, id, { policy: POLICY, now_ms: Date.now() });
  return orderNow(id);
}

describe("settling", () => {
  it("locked confirms a pending order, and nothing is owed any more", async () => {
    const { id } = await pendingOrder();
    expect(await apply(locked(id))).toMatchObject({ undecided: new Map() });
    expect(await orderNow(id)).toMatchObject({
      status: "confirmed",
      revision: 2,
      awaits: null,
      dueAt_ms: null,
      payBy_ms: null,
    });
  });

  it("refused cancels a pending order with its shortages; nothing is held, so nothing is owed", async () => {
    const { id } = await pendingOrder();
    const shortages = [{ sku: "X", requested: 5, available: 2, reason: "limit_exceeded" as const }];
    await apply(refused(id, shortages));
    expect(await orderNow(id)).toMatchObject({
      status: "cancelled",
      reason: "limit_exceeded",
      shortages,
      revision: 2,
      awaits: null,
      dueAt_ms: null,
    });
  });

  it("released settles a cancelled order and keeps its revision", async () => {
    const cancelled = await moved("cancel");
    await apply(released(cancelled.id));
    expect(await orderNow(cancelled.id)).toEqual({ ...cancelled, awaits: null, dueAt_ms: null });
  });

  it("committed settles a paid order and keeps its revision", async () => {
    const paid = await moved("pay");
    await apply(committed(paid.id));
    expect(await orderNow(paid.id)).toEqual({ ...paid, awaits: null, dueAt_ms: null });
  });

  it("a payment window starts when the order is confirmed", async () => {
    const { id } = await pendingOrder();
    const policy = { ...POLICY, paymentWindow_ms: 60_000 };
    await settle([locked(id)], portsWith({ policy, now: () => 5_000 }));
    expect(await orderNow(id)).toMatchObject({ payBy_ms: 65_000, dueAt_ms: 65_000 });
  });
});

describe("invariant 4: settling, again and late", () => {
  it("the same outcome twice in one batch is one transition", async () => {
    const { id } = await pendingOrder();
    await apply(locked(id), locked(id), locked(id));
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", revision: 2 });
  });

  it("the same outcome later changes nothing", async () => {
    const { id } = await pendingOrder();
    await apply(refused(id));
    const settled = await orderNow(id);
    await apply(refused(id), refused(id));
    expect(await orderNow(id)).toEqual(settled);
  });

  it.each([
    ["locked", locked],
    ["refused", refused],
    ["released", released],
    ["committed", committed],
  ] as const)("a late %s never revives a finished order", async (_name, event) => {
    const cancelled = await moved("cancel");
    const paid = await moved("pay");
    await apply(released(cancelled.id), committed(paid.id));
    const before = [await orderNow(cancelled.id), await orderNow(paid.id)];
    await apply(event(cancelled.id), event(paid.id));
    expect([await orderNow(cancelled.id), await orderNow(paid.id)]).toEqual(before);
  });

  it("a lock that comes after the cancellation leaves the release owed", async () => {
    const { id } = await pendingOrder();
    await moveOne("cancel", id, { policy: POLICY, now_ms: Date.now() });
    await apply(locked(id));
    expect(await orderNow(id)).toMatchObject({
      status: "cancelled",
      reason: "customer_request",
      awaits: "release",
      revision: 2,
    });
  });

  it("events before their predecessor are kept harmless: a release or commit of a pending order", async () => {
    const before = await pendingOrder();
    await apply(released(before.id), committed(before.id));
    expect(await orderNow(before.id)).toEqual(before);
  });

  it("the history has one entry for each revision", async () => {
    const { id } = await moved("cancel");
    await apply(locked(id), refused(id), released(id));
    const { history, revision } = await orderNow(id);
    expect(history.map((step) => [step.revision, step.status, step.reason])).toEqual([
      [1, "pending", null],
      [2, "confirmed", null],
      [3, "cancelled", "customer_request"],
    ]);
    expect(revision).toBe(3);
  });
});

describe("settling a batch", () => {
  it("takes one D1 round trip for 100 events of all kinds", async () => {
    const [cancelled, paid] = [await moved("cancel"), await moved("pay")];
    const pending = await Promise.all(Array.from({ length: 98 }, () => pendingOrder()));
    const { db, trips } = observed(env.DB);
    const outcomes = pending.map(({ id }, i) => (i % 2 ? refused(id) : locked(id)));
    await settle([...outcomes, released(cancelled.id), committed(paid.id)], portsWith({ db }));
    expect(trips).toHaveLength(1);
    const stands = await Promise.all(pending.map(({ id }) => orderNow(id)));
    expect(stands.filter(({ status }) => status === "confirmed")).toHaveLength(49);
    expect(stands.filter(({ status }) => status === "cancelled")).toHaveLength(49);
  });

  it("unknown orders are let be, and their neighbours settled", async () => {
    const { id } = await pendingOrder();
    const before = await rowCounts();
    const ghost = newOrderId(Date.now());
    expect(await apply(locked(ghost), locked(id), released(ghost))).toMatchObject({
      undecided: new Map(),
    });
    expect((await orderNow(id)).status).toBe("confirmed");
    expect(await rowCounts()).toEqual(before);
  });

  it("is undecided as a whole when D1 is away, and nobody is told", async () => {
    const { id, customerId } = await pendingOrder();
    await markPresent(customerId);
    const feeds = fakeFeeds();
    const event = locked(id);
    const { undecided } = await settle([event], portsWith({ db: brokenDb(env.DB), feeds }));
    expect([...undecided.keys()]).toEqual([event]);
    expect(feeds.told).toEqual([]);
  });

  it("a reply that is lost after the commit is made up for by the repeat", async () => {
    const { id, customerId } = await pendingOrder();
    await markPresent(customerId);
    const feeds = fakeFeeds();
    const { db } = observed(env.DB, {
      after: (_sql, round) => {
        if (round === 0) throw new Error("Network connection lost.");
      },
    });
    expect((await settle([locked(id)], portsWith({ db, feeds }))).undecided.size).toBe(0);
    expect(await orderNow(id)).toMatchObject({ status: "confirmed", revision: 2 });
    expect(feeds.told).toMatchObject([{ id, status: "confirmed" }]);
  });
});
