import { Webhook } from "standardwebhooks";
import { describe, expect, test } from "vitest";
import { newOrderId } from "../../src/contract/order-id.ts";
import type { Change } from "../../src/orders/changes/change.ts";
import { assertReachable } from "../../src/orders/http/webhook-body.ts";
import { eventOf } from "../../src/orders/webhooks/payload.ts";
import { retryAfterOf } from "../../src/orders/webhooks/post-event.ts";
import { newSecret, signatureOf } from "../../src/orders/webhooks/signature.ts";
import { pauseAfter, pauseEnds, verdictOf } from "../../src/orders/webhooks/webhook.ts";
import { order } from "../support/order.ts";

describe("signatures", () => {
  const signed = async (body: string, secrets: string[]) => {
    const message = { id: "evt_1", timestamp_s: Math.floor(Date.now() / 1_000), body };
    return {
      "webhook-id": message.id,
      "webhook-timestamp": `${message.timestamp_s}`,
      "webhook-signature": await signatureOf(message, secrets),
    };
  };

  test("are verified by the library of Standard Webhooks", async () => {
    const [secret, other] = [newSecret(), newSecret()];
    const body = JSON.stringify({ type: "order.paid", note: "Zürich, 東京" });
    const headers = await signed(body, [secret]);
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
    expect(() => new Webhook(other).verify(body, headers)).toThrow();
    expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
    expect(headers["webhook-signature"]).toBe(
      new Webhook(secret).sign(
        "evt_1",
        new Date(Number(headers["webhook-timestamp"]) * 1_000),
        body,
      ),
    );
  });

  test("of two secrets are verified by either", async () => {
    const secrets = [newSecret(), newSecret()];
    const headers = await signed("{}", secrets);
    for (const secret of secrets) expect(new Webhook(secret).verify("{}", headers)).toEqual({});
  });
});

test.each([
  [200, "delivered"],
  [204, "delivered"],
  [299, "delivered"],
  [null, "retry"],
  [301, "retry"],
  [307, "retry"],
  [400, "park"],
  [401, "park"],
  [404, "park"],
  [408, "retry"],
  [410, "gone"],
  [422, "park"],
  [425, "retry"],
  [429, "retry"],
  [500, "retry"],
  [503, "retry"],
] as const)("an answer of %s: %s", (status, verdict) => {
  expect(verdictOf(status)).toBe(verdict);
});

describe("pauses", () => {
  const HOUR_S = 3_600;
  const HOUR_MS = HOUR_S * 1_000;
  const NOW_MS = Date.parse("2026-12-01T18:00:00Z");
  test.each([
    [1, 5],
    [2, 300],
    [3, 1_800],
    [4, 2 * HOUR_S],
    [5, 5 * HOUR_S],
    [6, 10 * HOUR_S],
    [7, 14 * HOUR_S],
    [8, 20 * HOUR_S],
    [9, 24 * HOUR_S],
    [40, 24 * HOUR_S],
  ])("after %i failures: %i s, ±10 %%", (failures, seconds) => {
    expect(pauseAfter(failures, null, () => 0)).toBeCloseTo(seconds * 900, 3);
    expect(pauseAfter(failures, null, () => 1)).toBeCloseTo(seconds * 1_100, 3);
  });

  test("are as long as the endpoint asks for, up to a day", () => {
    expect(pauseAfter(1, 60_000, () => 0.5)).toBe(60_000);
    expect(pauseAfter(2, 60_000, () => 0.5)).toBe(300_000);
    expect(pauseAfter(1, 1e12, () => 0.5)).toBe(24 * HOUR_S * 1_000);
  });

  test.each([
    ["none", 0, 0],
    ["over", NOW_MS, 0],
    ["to come", NOW_MS + 1, NOW_MS + 1],
    ["the longest of a retry", NOW_MS + pauseAfter(9, null, () => 1), NOW_MS + 26.4 * HOUR_MS],
    ["of a clock that ran ahead", NOW_MS + 26.4 * HOUR_MS + 1, 0],
  ])("that are stored, %s", (_, until_ms, ends_ms) => {
    expect(pauseEnds(until_ms, NOW_MS)).toBe(ends_ms);
  });

  test.each([
    [null, null],
    ["", null],
    ["soon", null],
    ["-5", null],
    ["120", 120_000],
    ["Thu, 01 Jan 1970 00:02:00 GMT", 60_000],
    ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ])("Retry-After: %s", (header, expected_ms) => {
    expect(retryAfterOf(header, 60_000)).toBe(expected_ms);
  });
});

describe("events", () => {
  const common = { id: "7_0", at_ms: 0, position: { row: 7, index: null } };
  const id = newOrderId(0);
  const stepOf = (revision: number, parts = {}): Change => ({
    ...common,
    type: "order.confirmed",
    orderId: id,
    revision,
    order: order({ id, ...parts }),
  });
  const dataOf = (change: Change) =>
    (JSON.parse(eventOf(change, "e").body) as { data: object }).data;

  test("have the status of their own step, whatever came after it", () => {
    const entry = { reason: null, at_ms: 0 };
    const history = [
      { revision: 1, status: "pending" as const, ...entry },
      { revision: 2, status: "confirmed" as const, ...entry },
      { revision: 3, status: "cancelled" as const, reason: "payment_timeout" as const, at_ms: 0 },
    ];
    const now = { revision: 3, status: "cancelled", reason: "payment_timeout", history };
    expect(dataOf(stepOf(2, now))).toMatchObject({
      revision: 2,
      status: "confirmed",
      reason: null,
    });
    expect(dataOf(stepOf(3, now))).toMatchObject({
      status: "cancelled",
      reason: "payment_timeout",
    });
  });

  test("of the largest order have less than 20 kB", () => {
    const price = { amount: 99_999_999, currency: "EUR" };
    const lines = Array.from({ length: 50 }, (_, i) => ({
      sku: `${i}`.padStart(64, "S"),
      name: "東".repeat(200),
      quantity: 999,
      price,
      limitPerCustomer: 999,
    }));
    const metadata = Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [`name-${i}`, "x".repeat(180)]),
    );
    const shortages = lines.map(({ sku }) => ({
      sku,
      requested: 999,
      available: 0,
      reason: "out_of_stock" as const,
    }));
    const largest = { lines, metadata, shortages, customerId: "c".repeat(200) };
    const { body } = eventOf(stepOf(1, largest), "e");
    expect(new TextEncoder().encode(body).length).toBeLessThan(20_000);
    expect(JSON.parse(body)).toMatchObject({ data: { id, lines: { length: 50 } } });
  });

  test("have an id of their own, and the subject of their order", () => {
    expect(eventOf(stepOf(1), "e")).toMatchObject({ id: "evt_e_7_0", subject: id });
    const item = { sku: "S", name: "S", available: 0 };
    const soldOut: Change = { ...common, type: "item.sold_out", sku: "S", item };
    expect(eventOf(soldOut, "e")).toMatchObject({ subject: "item S", customerId: null });
    expect(dataOf({ ...stepOf(1), order: null } as Change)).toEqual({ id, revision: 1 });
  });
});

describe("the address of an endpoint", () => {
  const rule = (url: string, isLocalRun = false) => {
    try {
      assertReachable(url, isLocalRun);
      return "ok";
    } catch (error) {
      return (error as Error).message;
    }
  };

  test.each([
    "https://shop.example/hook",
    "https://shop.example:8443/hook?a=b",
    "https://203.0.114.9/hook",
    "https://[2a00:1450::1]/hook",
  ])("%s is taken", (url) => expect(rule(url)).toBe("ok"));

  test.each([
    "http://shop.example/hook",
    "ftp://shop.example/hook",
    "https://localhost/hook",
    "https://localhost./hook",
    "https://shop.localhost/hook",
    "https://printer.local/hook",
    "https://db.internal/hook",
    "https://intranet/hook",
    "https://127.0.0.1/hook",
    "https://0x7f.1/hook",
    "https://2130706433/hook",
    "https://10.0.0.1/hook",
    "https://172.16.0.1/hook",
    "https://192.168.1.1/hook",
    "https://169.254.169.254/latest/meta-data",
    "https://100.64.0.1/hook",
    "https://0.0.0.0/hook",
    "https://[::1]/hook",
    "https://[fd00::1]/hook",
    "https://[fe80::1]/hook",
    "https://[::ffff:10.0.0.1]/hook",
    "https://[::7f00:1]/hook",
    "https://[::169.254.169.254]/hook",
    "https://[4000::1]/hook",
  ])("%s is refused", (url) => expect(rule(url)).toMatch(/^\/url: must /));

  test("in a local run: http and private ones too, and nothing else", () => {
    expect(rule("http://localhost:9/hook", true)).toBe("ok");
    expect(rule("https://10.0.0.1/hook", true)).toBe("ok");
    expect(rule("file:///etc/passwd", true)).toMatch(/https/);
  });
});
