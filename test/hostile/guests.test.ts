import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { expectProblem } from "./support/answers.ts";
import {
  call,
  migrate,
  newCustomer,
  operatorToken,
  tokenFor,
  turnstileVars,
} from "./support/worker.ts";

/** Nobody becomes a guest past Turnstile. */

beforeAll(migrate);
beforeEach(() => void vi.spyOn(console, "warn").mockReturnValue(undefined));
beforeEach(() => void vi.spyOn(console, "error").mockReturnValue(undefined));

const GOOD = { turnstileToken: "a good token" };
const guest = (options: Parameters<typeof call>[2] = {}) =>
  call("POST", "/v1/guests", { ...options, vars: { ...turnstileVars(), ...options.vars } });

it("a good token makes a guest, who may read orders", async () => {
  const made = await guest({ body: GOOD });
  expect(made.status).toBe(201);
  const { token } = (await made.json()) as { token: string };
  expect((await call("GET", "/v1/orders", { token, vars: turnstileVars() })).status).toBe(200);
});

describe("a bad token makes none, whoever sends it, however it is sent:", () => {
  it.each<[string, () => Promise<Response>]>([
    ["plainly", () => guest({ body: { turnstileToken: "bad" } })],
    [
      "by a customer",
      async () => guest({ body: { turnstileToken: "bad" }, token: await tokenFor(newCustomer()) }),
    ],
    [
      "by an operator",
      async () => guest({ body: { turnstileToken: "bad" }, token: await operatorToken() }),
    ],
    [
      "with the good one in the query",
      () =>
        call("POST", "/v1/guests?turnstileToken=a%20good%20token", {
          body: { turnstileToken: "bad" },
          vars: turnstileVars(),
        }),
    ],
    [
      "twice, the good one first",
      () => guest({ body: '{"turnstileToken":"a good token","turnstileToken":"bad"}' }),
    ],
    ["of another host", () => guest({ body: GOOD, base: "https://evil.test" })],
    [
      "of a host that the request only says it forwards",
      () =>
        guest({
          body: GOOD,
          base: "https://evil.test",
          headers: { "X-Forwarded-Host": "shop.test" },
        }),
    ],
    [
      "of an origin that the request only says it has",
      () =>
        guest({ body: GOOD, base: "https://evil.test", headers: { Origin: "https://shop.test" } }),
    ],
  ])("%s", async (_, send) => {
    const response = await send();
    expect(response.status).toBe(403);
    expect(await expectProblem(response)).toBe("challenge_failed");
  });
});

it("half of the settings make no guest: neither is Turnstile off", async () => {
  for (const half of ["TURNSTILE_SECRET", "TURNSTILE_SITE_KEY"] as const) {
    const response = await guest({ body: GOOD, vars: { [half]: "" } });
    expect([half, response.status]).toEqual([half, 503]);
    expect(response.headers.get("Retry-After")).toMatch(/^\d+$/);
    const { turnstile } = (await (
      await call("GET", "/v1/config", { vars: { ...turnstileVars(), [half]: "" } })
    ).json()) as { turnstile: unknown };
    expect(turnstile).toBeNull();
  }
});

it("an operator is told of half of the settings, while there may be guests", async () => {
  const token = await operatorToken();
  const codes = async (vars: Partial<OrdersEnv>) => {
    const response = await call("GET", "/v1/operations", { token, vars });
    const { alerts } = (await response.json()) as { alerts: { code: string; text: string }[] };
    return alerts.filter(({ code }) => code === "turnstile_misconfigured").map(({ text }) => text);
  };
  const half = { ...turnstileVars(), TURNSTILE_SITE_KEY: "" };
  expect(await codes(half)).toEqual([
    "No guest can be made: TURNSTILE_SECRET is set without TURNSTILE_SITE_KEY.",
  ]);
  const metrics = await call("GET", "/metrics", { token, vars: half });
  expect(await metrics.text()).toContain('lockstock_alerts{code="turnstile_misconfigured"} 1');
  expect(await codes({ ...half, GUEST_CHECKOUT: "off" })).toEqual([]);
  expect(await codes(turnstileVars())).toEqual([]);
});

it("no other public call answers with a token", async () => {
  const open = app.routes.filter(({ method }) => method === "POST" || method === "PUT");
  for (const { method, path } of open) {
    if (path === "/v1/guests") continue;
    const response = await call(method, path, { body: GOOD, vars: turnstileVars() });
    expect([path, response.status >= 400]).toEqual([path, true]);
    expect(await response.text()).not.toContain("guest_");
  }
});
