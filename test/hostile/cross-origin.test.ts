import { beforeAll, expect, it } from "vitest";
import { originsOf } from "../../src/orders/http/security.ts";
import { call, migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

const PAGE = "https://page.example";
const vars = { CORS_ORIGINS: `https://other.example, ${PAGE}` };
const preflight = (Origin: string) => ({
  Origin,
  "Access-Control-Request-Method": "POST",
  "Access-Control-Request-Headers": "authorization,idempotency-key",
});
const corsOf = (response: Response) =>
  [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));

it("by default no other origin may read anything", async () => {
  for (const [method, path] of [
    ["GET", "/v1/items"],
    ["OPTIONS", "/v1/orders"],
    ["POST", "/v1/orders"],
  ] as const) {
    const response = await call(method, path, { headers: preflight(PAGE) });
    expect(corsOf(response)).toEqual([]);
  }
});

it("an origin of the list may read answers, errors too, and the headers a client needs", async () => {
  for (const path of ["/v1/operations/items", "/v1/orders", "/nowhere"]) {
    const { headers } = await call("GET", path, { headers: { Origin: PAGE }, vars });
    expect(headers.get("Access-Control-Allow-Origin")).toBe(PAGE);
    expect(headers.get("Access-Control-Allow-Credentials")).toBeNull();
    expect(headers.get("Access-Control-Expose-Headers")?.split(",")).toEqual([
      "ETag",
      "Location",
      "Idempotency-Replayed",
      "Preference-Applied",
      "Retry-After",
      "X-Request-Id",
    ]);
    expect(headers.get("Vary")).toContain("Origin");
  }
});

it.each(["/v1/config", "/v1/items", "/v1/items/NONE", "/v1/items?nonsense=1"])(
  "what anyone may read is for pages of any origin, the same for all: %s",
  async (path) => {
    for (const headers of [{ Origin: "https://third.example" }, { Origin: PAGE }, {}]) {
      const response = await call("GET", path, { headers, vars });
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe("*");
      expect(response.headers.get("Access-Control-Expose-Headers")).toContain("ETag");
      expect(response.headers.get("Vary") ?? "").not.toContain("Origin");
    }
    const closed = await call("GET", path, { headers: { Origin: PAGE } });
    expect(corsOf(closed)).toEqual([]);
    const written = await call("PUT", path, { headers: { Origin: "https://third.example" }, vars });
    expect(corsOf(written)).toEqual([]);
  },
);

it("a preflight of an origin of the list says what it may send", async () => {
  const response = await call("OPTIONS", "/v1/orders", { headers: preflight(PAGE), vars });
  expect(response.status).toBe(204);
  expect(response.headers.get("Access-Control-Allow-Origin")).toBe(PAGE);
  expect(response.headers.get("Access-Control-Allow-Methods")).toContain("POST");
  const allowed = response.headers.get("Access-Control-Allow-Headers");
  for (const name of [
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Prefer",
    "Traceparent",
  ]) {
    expect(allowed).toContain(name);
  }
});

it.each(["https://evil.example", "null", "", `${PAGE}.evil.example`, `${PAGE}:8443`])(
  "the origin %j is not taken for one of the list",
  async (origin) => {
    for (const method of ["GET", "OPTIONS"]) {
      const response = await call(method, "/v1/orders", { headers: preflight(origin), vars });
      expect(corsOf(response)).toEqual([]);
      expect(response.headers.get("Vary")).toContain("Origin");
    }
  },
);

it("a list that cannot be read stops the Worker with the name of the var", () => {
  expect(originsOf(" https://a.example ,http://localhost:3000,")).toEqual([
    "https://a.example",
    "http://localhost:3000",
  ]);
  for (const list of ["*", "https://a.example/", "shop.example", "https://a.example/shop"]) {
    expect(() => originsOf(list)).toThrow("CORS_ORIGINS");
  }
});

it("the feed opens for its own origin, those of the list and no browser, else it is 403", async () => {
  const token = await tokenFor(newCustomer());
  const open = (origin?: string) =>
    call("GET", "/v1/feed", {
      token,
      headers: { Upgrade: "websocket", ...(origin !== undefined && { Origin: origin }) },
      vars,
    });
  for (const origin of [undefined, "https://shop.test", PAGE]) {
    const response = await open(origin);
    expect(response.status).toBe(101);
    response.webSocket?.accept();
    response.webSocket?.close(1000);
  }
  for (const origin of ["https://evil.example", "http://shop.test", "null"]) {
    const response = await open(origin);
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: "forbidden" });
  }
});
