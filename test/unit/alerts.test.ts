import { describe, expect, test } from "vitest";
import { alertsOf, type Troubles } from "../../src/orders/operators/alerts.ts";
import type { Dashboard } from "../../src/orders/operators/dashboard.sql.ts";
import type { ReconcilerHealth } from "../../src/orders/order/schedule-reconcile.ts";

const NOW_MS = Date.parse("2026-12-01T18:00:00Z");
const AGO_MS = NOW_MS - 3_600_000;
const AGO = new Date(AGO_MS).toISOString();

const WELL: Dashboard = {
  orders: { pending: 3, confirmed: 0, paid: 0, cancelled: 0, returned: 0 },
  unsettled: { count: 3, oldestAgeSeconds: 149 },
  settleLatencyMs: { p50: null, p95: null, p99: null },
  perMinute: [],
  refusedAtDoor: [],
  deadLetters: 0,
  breaches: 0,
};
const NONE: Troubles = {
  unmatched: { count: 0, since_ms: null },
  oldestLetter_ms: null,
  webhooks: [],
  putBack: { count: 0, since_ms: null, sku: null },
  stuck: { count: 0, since_ms: null },
};
const HEALTHY: ReconcilerHealth = {
  cronAt_ms: NOW_MS - 179_000,
  startedAt_ms: AGO_MS,
  stockAwaySince_ms: null,
};
const hook = {
  url: "https://shop.example/hook",
  isOff: false,
  since_ms: null,
  nearLimitSince_ms: null,
};

interface Case {
  dashboard?: Partial<Dashboard>;
  troubles?: Partial<Troubles>;
  health?: Partial<ReconcilerHealth> | null;
  turnstile?: string | null;
}
const of = ({ dashboard, troubles, health, turnstile = null }: Case) =>
  alertsOf(
    { ...WELL, ...dashboard },
    { ...NONE, ...troubles },
    health === null ? null : { ...HEALTHY, ...health },
    NOW_MS,
    turnstile,
  );

describe("alerts", () => {
  test("there are none while all is well", () => {
    expect(of({ troubles: { webhooks: [hook, { ...hook, since_ms: NOW_MS - 599_000 }] } })).toEqual(
      [],
    );
    expect(of({ health: { cronAt_ms: null, startedAt_ms: NOW_MS - 1_000 } })).toEqual([]);
  });

  test.each<[string, Case, string | null, RegExp]>([
    ["cron_silent", { health: { cronAt_ms: AGO_MS } }, AGO, /cron has not run/],
    ["cron_silent", { health: { cronAt_ms: null } }, AGO, /cron has not run/],
    ["cron_silent", { health: null }, null, /reconciler does not answer/],
    ["stock_away", { health: { stockAwaySince_ms: AGO_MS } }, AGO, /stock Worker/],
    [
      "backlog",
      { dashboard: { unsettled: { count: 1, oldestAgeSeconds: 3_600 } } },
      AGO,
      /^1 order or return has waited .* 3600 s/,
    ],
    [
      "turnstile_misconfigured",
      { turnstile: "the secret is missing" },
      null,
      /^No guest .*: the secret is missing\.$/,
    ],
    ["breaches", { dashboard: { breaches: 2 } }, null, /^2 commands have/],
    [
      "dead_letters",
      { dashboard: { deadLetters: 1 }, troubles: { oldestLetter_ms: AGO_MS } },
      AGO,
      /^1 message could/,
    ],
    [
      "money_unmatched",
      { troubles: { unmatched: { count: 2, since_ms: AGO_MS } } },
      AGO,
      /^2 payments belong/,
    ],
    [
      "webhook_off",
      { troubles: { webhooks: [{ ...hook, isOff: true, since_ms: AGO_MS }] } },
      AGO,
      /shop\.example .*off/,
    ],
    [
      "webhook_failing",
      { troubles: { webhooks: [{ ...hook, since_ms: AGO_MS }] } },
      AGO,
      /shop\.example takes no/,
    ],
    [
      "webhook_refusing",
      { troubles: { webhooks: [{ ...hook, nearLimitSince_ms: AGO_MS }] } },
      AGO,
      /shop\.example has refused .* 800 /,
    ],
  ])("%s", (code, troubled, since, text) => {
    const alerts = of(troubled);
    expect(alerts).toMatchObject([{ code, since }]);
    expect(alerts[0]?.text).toMatch(text);
    expect(alerts[0]?.action).toMatch(/^[A-Z].*\.$/);
  });
});
