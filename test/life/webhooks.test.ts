import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { NO_CURSORS, prune } from "../../src/orders/reconcile/retention.ts";
import { CourierStore } from "../../src/orders/webhooks/courier-store.ts";
import type { Courier } from "../../src/orders/webhooks/courier.ts";
import { POLICY } from "../support/order.ts";
import { confirmed, paymentOf, report, settleDown } from "./support/money.ts";
import { insertRows } from "./support/rows.ts";
import { migrate, OPERATOR, type World, worldOf } from "./support/world.ts";

const DAY_MS = 86_400_000;

/** The endpoint is outside of the system: what is posted to it is written down here. */
interface Posted {
  id: string;
  type: string;
  data: { id: string; revision: number; customerId: string; metadata?: object };
}
let posted: Posted[] = [];
let answer: (event: Posted) => Response | Promise<Response>;

beforeAll(migrate);
beforeEach(async () => {
  posted = [];
  answer = () => new Response(null, { status: 204 });
  vi.spyOn(globalThis, "fetch").mockImplementation(async (_url, init) => {
    const headers = new Headers(init?.headers);
    const event = {
      id: headers.get("webhook-id") ?? "",
      ...(JSON.parse(init?.body as string) as Omit<Posted, "id">),
    };
    posted.push(event);
    return answer(event);
  });
});
afterEach(async () => {
  vi.restoreAllMocks();
  vi.useRealTimers();
  await env.DB.prepare("DELETE FROM webhooks").run();
});

interface WebhookBody {
  id: string;
  state: string;
  why?: string;
  failingSince: string | null;
  pending: number;
  parked: number;
  failures: number;
  pausedUntil: string | null;
}

async function webhookOf(world: World, types?: string[]) {
  const body = { url: "https://shop.example/hook", ...(types && { types }) };
  const made = await world.call("POST", "/v1/webhooks", { as: OPERATOR, body });
  expect(made.status).toBe(201);
  const { id } = made.body;
  const stub = env.COURIER.getByName(id);
  const path = `/v1/webhooks/${id}`;
  return {
    id,
    stub,
    call: (method: string, rest = "", body_?: object) =>
      world.call(method, path + rest, { as: OPERATOR, ...(body_ && { body: body_ }) }),
    /** Whatever time it is due at. */
    run: () => runDurableObjectAlarm(stub),
    get: async () =>
      (await world.call("GET", path, { as: OPERATOR })).body as unknown as WebhookBody,
  };
}

const storageOf = (stub: DurableObjectStub<Courier>) =>
  runInDurableObject(stub, async (_: Courier, { storage }) => ({
    alarm: await storage.getAlarm(),
    keys: [...(await storage.list()).keys()],
  }));

describe("a courier", () => {
  test("posts what happens after its webhook was made, and nothing twice", async () => {
    const world = await worldOf();
    await confirmed(world);
    const webhook = await webhookOf(world);
    await webhook.run();
    expect(posted).toEqual([]);
    const { id } = await confirmed(world);
    await webhook.run();
    await webhook.run();
    expect(posted.map(({ type, data }) => [type, data.id, data.revision])).toEqual([
      ["item.back_in_stock", undefined, undefined],
      ["order.placed", id, 1],
      ["order.confirmed", id, 2],
    ]);
    expect(await webhook.get()).toMatchObject({ pending: 0, parked: 0, failures: 0 });
  });

  test("pauses after a failure, says since when, and goes on when it is changed", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed"]);
    answer = () => new Response("busy", { status: 503 });
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ state: "on", pending: 1, failures: 1 });
    const { failingSince, pausedUntil } = await webhook.get();
    expect(Date.parse(failingSince ?? "")).toBeGreaterThan(Date.now() - 60_000);
    expect(Date.parse(pausedUntil ?? "")).toBeGreaterThan(Date.now());
    await webhook.run();
    expect(posted).toHaveLength(1);
    answer = () => new Response(null);
    await webhook.call("PATCH", "", { url: "https://shop.example/other" });
    await webhook.run();
    expect(posted).toHaveLength(2);
    expect(posted[1]).toEqual(posted[0]);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ failures: 0, failingSince: null });
  });

  test("goes on once a clock that ran ahead is right again, and fails since then", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed"]);
    answer = () => new Response("busy", { status: 503 });
    await confirmed(world);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 10 * DAY_MS });
    await webhook.run();
    expect(posted).toHaveLength(1);
    vi.useRealTimers();
    const { failingSince } = await webhook.get();
    expect(Date.parse(failingSince ?? "")).toBeGreaterThan(Date.now() + 9 * DAY_MS);
    expect(await webhook.get()).toMatchObject({ pending: 1, failures: 1, pausedUntil: null });
    await world.env.RECONCILER.getByName("reconciler").poke();
    expect(Date.parse((await webhook.get()).failingSince ?? "")).toBeLessThanOrEqual(Date.now());
    expect((await storageOf(webhook.stub)).alarm).toBeLessThanOrEqual(Date.now());
    await webhook.run();
    expect(posted).toHaveLength(2);
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
    expect(posted).toEqual([]);
    await webhook.call("PATCH", "", { state: "on" });
    await webhook.run();
    const payment = paymentOf("the newest");
    await report(world, payment);
    await webhook.run();
    expect(posted.map(({ data }) => data)).toMatchObject([{ reference: payment.reference }]);
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
    expect(posted.map(({ data }) => data)).toMatchObject([{ reference: payment.reference }]);
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
    expect(posted).toEqual([]);
    expect((await storageOf(webhook.stub)).alarm).toBeLessThanOrEqual(Date.now());
    await webhook.run();
    expect(posted).toHaveLength(1);
  });

  test("whose alarm is lost is woken by the cron", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    const lose = () =>
      runInDurableObject(webhook.stub, (_: Courier, { storage }) => storage.deleteAlarm());
    for (const state of ["on", "off"]) {
      await webhook.call("PATCH", "", { state });
      await lose();
      await world.env.RECONCILER.getByName("reconciler").poke();
      expect((await storageOf(webhook.stub)).alarm).not.toBeNull();
    }
  });

  test("of a webhook that is deleted forgets everything, even if nobody could tell it", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    await confirmed(world);
    await webhook.run();
    await env.DB.prepare("DELETE FROM webhooks WHERE id = ?").bind(webhook.id).run();
    await webhook.run();
    expect(await storageOf(webhook.stub)).toEqual({ alarm: null, keys: [] });
    expect((await webhook.call("DELETE")).status).toBe(404);
  });

  test("of a webhook that is off goes on to prune, and forgets all once the webhook is deleted", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    await confirmed(world);
    await webhook.run();
    await webhook.call("PATCH", "", { state: "off" });
    await webhook.run();
    const { alarm } = await storageOf(webhook.stub);
    expect(alarm).toBeGreaterThan(Date.now() + DAY_MS / 2);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 4 * DAY_MS });
    await webhook.run();
    vi.useRealTimers();
    expect((await webhook.call("GET", "/deliveries")).body["deliveries"]).toEqual([]);
    await env.DB.prepare("DELETE FROM webhooks WHERE id = ?").bind(webhook.id).run();
    await webhook.run();
    expect(await storageOf(webhook.stub)).toEqual({ alarm: null, keys: [] });
  });

  test.each([410, "changes_reset"])("that was switched off by %s has an alarm", async (why) => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    answer = () => new Response(null, { status: 410 });
    await confirmed(world);
    if (why === "changes_reset") {
      await env.DB.prepare("UPDATE webhooks SET starts_after = 'abc-1-end'").run();
    }
    await webhook.run();
    expect((await webhook.get()).state).toBe("off");
    expect((await storageOf(webhook.stub)).alarm).toBeGreaterThan(Date.now() + DAY_MS / 2);
  });

  test("of a webhook that is off and has lost its alarm forgets all, even if it cannot be told", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world);
    await confirmed(world);
    await webhook.run();
    await webhook.call("PATCH", "", { state: "off" });
    await runInDurableObject(webhook.stub, (_: Courier, { storage }) => storage.deleteAlarm());
    const { stub } = webhook;
    const lost = { wake: (id: string) => stub.wake(id), forget: () => Promise.reject(new Error()) };
    const vars = { COURIER: { getByName: () => lost } as unknown as OrdersEnv["COURIER"] };
    const path = `/v1/webhooks/${webhook.id}`;
    const deleted = await (await worldOf({ vars })).call("DELETE", path, { as: OPERATOR });
    expect(deleted.status).toBe(204);
    await webhook.run();
    expect(await storageOf(webhook.stub)).toEqual({ alarm: null, keys: [] });
  });

  test("that has forgotten its webhook stores nothing again, whatever it is asked", async () => {
    const world = await worldOf();
    const { stub, run, call, id } = await webhookOf(world);
    await run();
    await call("DELETE");
    expect(await stub.status()).toMatchObject({ pending: 0, parked: 0, failures: 0 });
    expect(await stub.deliveries(null, 1e9, 10)).toEqual([]);
    expect(await stub.resend(id, "evt_1")).toBe(false);
    await stub.eraseCustomer("ada", "erased_1");
    expect(await storageOf(stub)).toEqual({ alarm: null, keys: [] });
  });

  test("of a webhook that is deleted in the midst of a post posts nothing more and keeps nothing", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed", "order.confirmed"]);
    answer = async () => {
      await webhook.call("DELETE");
      return new Response(null);
    };
    await confirmed(world);
    await webhook.run();
    expect(posted.map(({ type }) => type)).toEqual(["order.placed"]);
    expect(await storageOf(webhook.stub)).toEqual({ alarm: null, keys: [] });
  });

  test("of a webhook that is switched off in the midst of a post posts nothing more until it is on", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed", "order.confirmed"]);
    answer = async () => {
      await webhook.call("PATCH", "", { state: "off" });
      return new Response(null);
    };
    await confirmed(world);
    await webhook.run();
    expect(posted.map(({ type }) => type)).toEqual(["order.placed"]);
    answer = () => new Response(null);
    await webhook.call("PATCH", "", { state: "on" });
    await webhook.run();
    expect(posted.map(({ type }) => type)).toEqual(["order.placed", "order.confirmed"]);
  });

  test("is not switched off by what an endpoint said that is no longer its own", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.placed", "order.confirmed"]);
    answer = async () => {
      answer = () => new Response(null);
      await webhook.call("PATCH", "", { url: "https://shop.example/moved" });
      return new Response(null, { status: 410 });
    };
    await confirmed(world);
    await webhook.run();
    expect(await webhook.get()).toMatchObject({ state: "on", pending: 0, failures: 0 });
    expect(posted.map(({ type }) => type)).toEqual([
      "order.placed",
      "order.placed",
      "order.confirmed",
    ]);
  });

  test("keeps no name of a customer who is erased", async () => {
    const world = await worldOf();
    const webhook = await webhookOf(world, ["order.paid", "order.confirmed"]);
    answer = () => new Response(null, { status: 500 });
    const { id, customer } = await confirmed(world);
    await world.pay(id);
    await settleDown(world);
    await webhook.run();
    expect(JSON.stringify(posted)).toContain(customer);
    const erased = await world.call("DELETE", `/v1/customers/${customer}`, { as: OPERATOR });
    expect(erased.status).toBe(204);
    const { body } = await webhook.call("GET", "/deliveries");
    expect((body["deliveries"] as object[]).length).toBe(2);
    expect(JSON.stringify(body)).not.toContain(customer);
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
