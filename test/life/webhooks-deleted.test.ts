import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, test, vi } from "vitest";
import type { Courier } from "../../src/orders/webhooks/courier.ts";
import { confirmed } from "./support/money.ts";
import { DAY_MS, storageOf, useEndpoint, webhookOf } from "./support/webhook.ts";
import { migrate, OPERATOR, worldOf } from "./support/world.ts";

beforeAll(migrate);
const endpoint = useEndpoint();

describe("a courier", () => {
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
    endpoint.answer = () => new Response(null, { status: 410 });
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
    endpoint.answer = async () => {
      await webhook.call("DELETE");
      return new Response(null);
    };
    await confirmed(world);
    await webhook.run();
    expect(endpoint.posted.map(({ type }) => type)).toEqual(["order.placed"]);
    expect(await storageOf(webhook.stub)).toEqual({ alarm: null, keys: [] });
  });
});
