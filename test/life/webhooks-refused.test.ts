import { runInDurableObject } from "cloudflare:test";
import { beforeAll, describe, expect, test } from "vitest";
import type { Alert } from "../../src/orders/operators/alerts.ts";
import { CourierStore } from "../../src/orders/webhooks/courier-store.ts";
import type { Courier } from "../../src/orders/webhooks/courier.ts";
import { confirmed } from "./support/money.ts";
import { insertRows } from "./support/rows.ts";
import { useEndpoint, webhookOf } from "./support/webhook.ts";
import { migrate, OPERATOR, type World, worldOf } from "./support/world.ts";

beforeAll(migrate);
const endpoint = useEndpoint();

/** Has the courier keep so many refused events of each of these subjects. */
const park = (stub: DurableObjectStub<Courier>, subjects: readonly string[], each = 1) =>
  runInDurableObject(stub, (_: Courier, { storage }) => {
    const insert = `INSERT INTO events (id, subject, type, body, at, state)
      VALUES (?, ?, 'order.placed', '{}', 1, 'parked')`;
    void new CourierStore(storage);
    for (const subject of subjects) {
      for (let i = 0; i < each; i++) storage.sql.exec(insert, `${subject} ${i}`, subject);
    }
  });

const refuse = () => new Response("unknown", { status: 400 });
const orders = (n: number) => Array.from({ length: n }, (_, i) => `order ${i}`);

describe("events that are refused", () => {
  test("of an item that goes on selling out are one, the newest, and stop no order", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    endpoint.answer = ({ type }) => (type.startsWith("item.") ? refuse() : new Response(null));
    await insertRows(
      "changes",
      Array.from({ length: 1_200 }, (_, i) => ({
        at: Date.now(),
        entries: JSON.stringify([[i % 2 ? "item.back_in_stock" : "item.sold_out", "X"]]),
      })),
    );
    await webhook.run();
    expect(endpoint.posted).toHaveLength(1);
    expect(await webhook.get()).toMatchObject({ parked: 1, pending: 0, failures: 0 });
    const { body } = await webhook.call("GET", "/deliveries?state=parked");
    expect(body["deliveries"]).toMatchObject([{ subject: "item X", type: "item.back_in_stock" }]);
    endpoint.answer = refuse;
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ failures: 0, pausedUntil: null });
    endpoint.answer = () => new Response(null);
    const [{ id } = { id: "" }] = body["deliveries"] as { id: string }[];
    await webhook.stub.resend(webhook.id, id);
    await webhook.run();
    expect(endpoint.posted.at(-1)).toMatchObject({ type: "item.back_in_stock", id });
  });

  test("of one order pause the endpoint never, however many they are", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed"]);
    await park(webhook.stub, ["order 1"], 1_001);
    endpoint.answer = refuse;
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ parked: 1_002, failures: 0, pausedUntil: null });
  });

  test("of a thousand orders pause it at the next one", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed"]);
    await park(webhook.stub, orders(1_000));
    endpoint.answer = refuse;
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ parked: 1_000, pending: 1, failures: 1 });
  });

  test("of 800 orders raise an alert, until they are sent", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    const alerts = async (of: World) => {
      const { body } = await of.call("GET", "/v1/operations", { as: OPERATOR });
      const codes = (body["alerts"] as Alert[]).filter(({ code }) => code.startsWith("webhook"));
      return codes.map(({ code }) => code);
    };
    await park(webhook.stub, orders(799));
    await webhook.run();
    expect(await alerts(world)).toEqual([]);
    await park(webhook.stub, ["another order"]);
    await webhook.run();
    expect(await alerts(world)).toEqual(["webhook_refusing"]);
    await webhook.stub.resend(webhook.id, "another order 0");
    await webhook.run();
    expect(await alerts(world)).toEqual([]);
  });
});

test("old deliveries are deleted also behind a thousand events that wait for an operator", async () => {
  const world = await worldOf();
  const { stub } = await webhookOf(world);
  const left = await runInDurableObject(stub, (_: Courier, { storage }) => {
    const store = new CourierStore(storage);
    const progress = { start: "", cursor: "", failures: 0, pausedUntil_ms: 0 };
    const event = { type: "order.placed", customerId: null, body: "{}", at_ms: 1 } as const;
    const events = Array.from({ length: 1_010 }, (__, i) => {
      return { ...event, id: `e${i}`, subject: i < 1_000 ? "parked" : `order ${i}` };
    });
    store.add(events, progress);
    store.move("parked", "parked");
    const attempt = { status: 204, answer: "", took_ms: 1, retryAfter_ms: null };
    for (const { seq } of store.lanes(100).flat()) store.record(seq, attempt, true, 1);
    const before = store.list("delivered", 1e9, 100).length;
    store.prune(Date.now());
    return [before, store.list("delivered", 1e9, 100).length, store.count("parked")];
  });
  expect(left).toEqual([10, 0, 1_000]);
});
