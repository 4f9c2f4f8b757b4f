import { expect, it } from "vitest";
import { call, turnstileVars } from "./support/worker.ts";

const ON = { GUEST_CHECKOUT: "on", AUTH_JWKS_URL: "", PAYMENT_WINDOW_SECONDS: "600" };

it("says what a page needs to know, for the platform's cache to keep a minute", async () => {
  const response = await call("GET", "/v1/config", { vars: ON });
  expect(response.status).toBe(200);
  expect(response.headers.get("Cache-Control")).toBe("no-cache");
  expect(response.headers.get("Cloudflare-CDN-Cache-Control")).toBe("max-age=60");
  expect(response.headers.has("X-Request-Id")).toBe(false);
  expect(await response.json()).toEqual({
    guestCheckout: true,
    paymentWindowSeconds: 600,
    turnstile: null,
  });
});

it("says what the widget needs of which a new guest needs a token, and no secret", async () => {
  const response = await call("GET", "/v1/config", { vars: { ...ON, ...turnstileVars() } });
  expect((await response.json()) as object).toEqual({
    guestCheckout: true,
    paymentWindowSeconds: 600,
    turnstile: { siteKey: "the site key", action: "guest" },
  });
});

it.each([{ GUEST_CHECKOUT: "off" }, { AUTH_JWKS_URL: "https://keys.test/" }])(
  "says that there are no guests with %o, and no widget either",
  async (vars) => {
    const all = { ...ON, ...turnstileVars(), ...vars };
    const response = await call("GET", "/v1/config", { vars: all });
    expect(await response.json()).toMatchObject({ guestCheckout: false, turnstile: null });
    expect((await call("GET", "/challenge", { vars: all })).status).toBe(404);
  },
);

it("asks no database", async () => {
  const DB = new Proxy({} as D1Database, {
    get: (_, member) => {
      throw new Error(`D1 was asked: ${String(member)}`);
    },
  });
  expect((await call("GET", "/v1/config", { vars: { ...ON, DB } })).status).toBe(200);
});

it("refuses an unknown member of the query, and no cache keeps that", async () => {
  const response = await call("GET", "/v1/config?a=1", { vars: ON });
  expect(response.status).toBe(400);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  expect(response.headers.has("Cloudflare-CDN-Cache-Control")).toBe(false);
});
