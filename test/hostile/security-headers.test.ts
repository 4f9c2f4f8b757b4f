import { env } from "cloudflare:workers";
import { beforeAll, expect, it } from "vitest";
import { call, migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

const CALLS: [method: string, path: string][] = [
  ["GET", "/healthz"],
  ["GET", "/v1/items"],
  ["HEAD", "/v1/items"],
  ["POST", "/v1/guests"],
  ["GET", "/v1/orders"],
  ["POST", "/v1/orders"],
  ["PATCH", "/v1/orders"],
  ["OPTIONS", "/v1/orders"],
  ["GET", "/v1/feed"],
  ["GET", "/nowhere"],
];

it.each(CALLS)("%s %s is neither framed, sniffed nor told of", async (method, path) => {
  const { headers } = await call(method, path);
  expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(headers.get("X-Frame-Options")).toBe("DENY");
  expect(headers.get("Referrer-Policy")).toBe("no-referrer");
  const policy = headers.get("Content-Security-Policy");
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(headers.get("Strict-Transport-Security")).toMatch(/^max-age=\d{8}/);
});

it("an answer to an error that nobody expected has them as well, and tells nothing", async () => {
  const vars = { DB: {} as D1Database };
  const token = await tokenFor(newCustomer());
  const response = await call("GET", "/v1/orders", { token, vars });
  expect(response.status).toBe(500);
  expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
  expect(await response.json()).toMatchObject({
    code: "internal",
    detail: "Something went wrong.",
  });
});

it("plain http gets no Strict-Transport-Security", async () => {
  const { headers } = await call("GET", "/healthz", { base: "http://localhost:8787" });
  expect(headers.get("Strict-Transport-Security")).toBeNull();
});

it("the handshake of a WebSocket still works with them", async () => {
  const token = await tokenFor(newCustomer());
  const headers = { Upgrade: "websocket" };
  const vars = { CORS_ORIGINS: "https://page.example" };
  for (const extra of [{}, { Origin: "https://page.example" }]) {
    const response = await call("GET", "/v1/feed", {
      token,
      headers: { ...headers, ...extra },
      vars,
    });
    expect(response.status).toBe(101);
    expect(response.webSocket).not.toBeNull();
    response.webSocket?.accept();
    response.webSocket?.close(1000);
  }
  expect(env.CORS_ORIGINS).toBe("");
});
