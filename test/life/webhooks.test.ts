import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { secretsAt } from "../../src/orders/webhooks/webhook.ts";
import { getWebhook } from "../../src/orders/webhooks/webhooks.sql.ts";
import { POLICY } from "../support/order.ts";
import { confirmed, paymentOf, report, settleDown } from "./support/money.ts";
import { insertRows } from "./support/rows.ts";
import { DAY_MS, storageOf, useEndpoint, webhookOf } from "./support/webhook.ts";
import { migrate, OPERATOR, worldOf } from "./support/world.ts";

beforeAll(migrate);
const endpoint = useEndpoint();

describe("a courier", () => {
  test("posts what happens after its webhook was made, and nothing twice", async () => {
    const world = await worldOf();
    await confirmed(world);
    const webhook = await webhookOf(world);
    await webhook.run();
    expect(endpoint.posted).toEqual([]);
    const { id } = await confirmed(world);
    await webhook.run();
    await webhook.run();
    expect(endpoint.posted.map(({ type, data }) => [type, data.id, data.revision])).toEqual([
      ["item.back_in_stock", undefined, undefined],
      ["order.placed", id, 1],
      ["order.confirmed", id, 2],
    ]);
    expect(await webhook.get()).toMatchObject({ pending: 0, parked: 0, failures: 0 });
  });

  test("pauses after a failure, says since when, and goes on when it is changed", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed"]);
    endpoint.answer = () => new Response("busy", { status: 503 });
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ state: "on", pending: 1, failures: 1 });
    const { failingSince, pausedUntil } = await webhook.get();
    expect(Date.parse(failingSince ?? "")).toBeGreaterThan(Date.now() - 60_000);
    expect(Date.parse(pausedUntil ?? "")).toBeGreaterThan(Date.now());
    await webhook.run();
    expect(endpoint.posted).toHaveLength(1);
    endpoint.answer = () => new Response(null);
    await webhook.call("PATCH", "", { url: "https://shop.example/other" });
    await webhook.run();
    expect(endpoint.posted).toHaveLength(2);
    expect(endpoint.posted[1]).toEqual(endpoint.posted[0]);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ failures: 0, failingSince: null });
  });

  test("goes on once a clock that ran ahead is right again, and fails since then", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed"]);
    endpoint.answer = () => new Response("busy", { status: 503 });
    await confirmed(world);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10 * DAY_MS });
    await webhook.run();
    expect(endpoint.posted).toHaveLength(1);
    vi.useRealTimers();
    const { failingSince } = await webhook.get();
    expect(Date.parse(failingSince ?? "")).toBeGreaterThan(Date.now() + 9 * DAY_MS);
    expect(await webhook.get()).toMatchObject({ pending: 1, failures: 1, pausedUntil: null });
    await world.env.RECONCILER.getByName("reconciler").poke();
    expect(Date.parse((await webhook.get()).failingSince ?? "")).toBeLessThanOrEqual(Date.now());
    expect((await storageOf(webhook.stub)).alarm).toBeLessThanOrEqual(Date.now());
    await webhook.run();
    expect(endpoint.posted).toHaveLength(2);
    expect((await webhook.get()).failures).toBe(2);
  });

  test("whose changes are no longer kept is off, and begins at the newest when it is on again", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["payment.unmatched"]);
    await webhook.call("PATCH", "", { state: "off" });
    for (let i = 0; i < 3; i++) await report(world, paymentOf(`no order ${i}`));
    await prune(env.DB, POLICY, NO_CURSORS, Date.now() + 31 * DAY_MS);
    await webhook.call("PATCH", "", { state: "on" });
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ state: "off", why: "changes_reset" });
    expect(endpoint.posted).toEqual([]);
    await webhook.call("PATCH", "", { state: "on" });
    await webhook.run();
    const payment = paymentOf("the newest");
    await report(world, payment);
    await webhook.run();
    expect(endpoint.posted.map(({ data }) => data)).toMatchObject([
      { reference: payment.reference },
    ]);
  });

  test("that wants little of what happens reads all of a rush in one run", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["payment.unmatched"]);
    const entries = JSON.stringify(Array.from({ length: 1_500 }, () => ["item.sold_out", "S"]));
    await env.DB.prepare("INSERT INTO changes (at, entries) VALUES (?, ?)")
      .bind(Date.now(), entries)
      .run();
    const payment = paymentOf("no order");
    await report(world, payment);
    await webhook.run();
    expect(endpoint.posted.map(({ data }) => data)).toMatchObject([
      { reference: payment.reference },
    ]);
    expect((await storageOf(webhook.stub)).alarm).toBeGreaterThan(Date.now());
  });

  test("ends a run after fifty pages, and goes on at once with the next one", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["payment.unmatched"]);
    const entries = JSON.stringify(Array.from({ length: 1_000 }, () => ["item.sold_out", "S"]));
    await insertRows(
      "changes",
      Array.from({ length: 11 }, () => ({ at: Date.now(), entries })),
    );
    await report(world, paymentOf("no order"));
    await webhook.run();
    expect(endpoint.posted).toEqual([]);
    expect((await storageOf(webhook.stub)).alarm).toBeLessThanOrEqual(Date.now());
    await webhook.run();
    expect(endpoint.posted).toHaveLength(1);
  });

  test("of a webhook that is switched off in the midst of a post posts nothing more until it is on", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed", "order.confirmed"]);
    endpoint.answer = async () => {
      await webhook.call("PATCH", "", { state: "off" });
      return new Response(null);
    };
    await confirmed(world);
    await webhook.run();
    expect(endpoint.posted.map(({ type }) => type)).toEqual(["order.placed"]);
    endpoint.answer = () => new Response(null);
    await webhook.call("PATCH", "", { state: "on" });
    await webhook.run();
    expect(endpoint.posted.map(({ type }) => type)).toEqual(["order.placed", "order.confirmed"]);
  });

  test("is not switched off by what an endpoint said that is no longer its own", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed", "order.confirmed"]);
    endpoint.answer = async () => {
      endpoint.answer = () => new Response(null);
      await webhook.call("PATCH", "", { url: "https://shop.example/moved" });
      return new Response(null, { status: 410 });
    };
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ state: "on", pending: 0, failures: 0 });
    expect(endpoint.posted.map(({ type }) => type)).toEqual([
      "order.placed",
      "order.placed",
      "order.confirmed",
    ]);
  });

  test("keeps no name of a customer who is erased", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.paid", "order.confirmed"]);
    endpoint.answer = () => new Response(null, { status: 500 });
    const { id, customer } = await confirmed(world);
    await world.pay(id);
    await settleDown(world);
    await webhook.run();
    expect(JSON.stringify(endpoint.posted)).toContain(customer);
    const erased = await world.call("DELETE", `/v1/customers/${customer}`, { as: OPERATOR });
    expect(erased.status).toBe(204);
    const { body } = await webhook.call("GET", "/deliveries");
    expect((body["deliveries"] as object[]).length).toBe(2);
    expect(JSON.stringify(body)).not.toContain(customer);
  });
});

describe("after a rotation whose answer was lost, and another one", () => {
  const rotatedTimes = async (times: number) => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    const secrets = [(await getWebhook(env.DB, webhook.id))?.secret];
    for (let i = 0; i < times; i++) {
      secrets.push((await webhook.call("POST", "/rotate")).body["secret"] as string);
    }
    return { webhook, secrets: secrets.toReversed() };
  };
  const signing = async (id: string, at_ms: number) =>
    secretsAt((await getWebhook(env.DB, id))!, at_ms);

  test("the secret that the endpoint has signs, until its day is over", async () => {
    const { webhook, secrets } = await rotatedTimes(2);
    expect(await signing(webhook.id, Date.now())).toEqual(secrets);
    expect(await signing(webhook.id, Date.now() + DAY_MS)).toEqual(secrets.slice(0, 1));
    await webhook.call("POST", "/test");
    expect(endpoint.posted).toHaveLength(1);
  });

  test("those of the last five rotations sign, and no more", async () => {
    const { webhook, secrets } = await rotatedTimes(7);
    expect(await signing(webhook.id, Date.now())).toEqual(secrets.slice(0, 6));
  });

  test("a secret whose day is over is not kept", async () => {
    const { webhook, secrets } = await rotatedTimes(2);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 2 * DAY_MS });
    const { secret } = (await webhook.call("POST", "/rotate")).body as unknown as {
      secret: string;
    };
    vi.useRealTimers();
    const kept = (await getWebhook(env.DB, webhook.id))!;
    expect(kept).toMatchObject({ secret, previous: { secret: secrets[0] }, earlier: [] });
  });
});

test("a shop has twenty webhooks at most", async () => {
  const world = await worldOf();
  const body = { url: "https://shop.example/hook" };
  const add = () => world.call("POST", "/v1/webhooks", { as: OPERATOR, body });
  const statuses: number[] = [];
  for (let i = 0; i < 21; i++) statuses.push((await add()).status);
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 201), 409]);
});
