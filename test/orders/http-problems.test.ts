import { createExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import { app } from "../../src/orders/http/app.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { call, envWith, migrate, problemOf, requestFor, tokenFor } from "./support/worker.ts";

beforeAll(migrate);

describe("a problem", () => {
  it("has the members of RFC 9457, a code and the request's id", async () => {
    const response = await call("GET", "/v1/items/NO-SUCH");
    expect(response.headers.get("Content-Type")).toBe("application/problem+json");
    expect(await problemOf(response)).toStrictEqual({
      type: expect.stringMatching(/not_found$/) as string,
      title: expect.any(String) as string,
      status: 404,
      detail: expect.any(String) as string,
      code: "not_found",
      requestId: response.headers.get("X-Request-Id"),
    });
  });

  it("is told to a client that must authenticate how", async () => {
    const response = await call("GET", "/v1/orders");
    expect(response.status).toBe(401);
    expect(response.headers.get("WWW-Authenticate")).toBe("Bearer");
  });

  it("internal tells nothing of its cause", async () => {
    const token = await tokenFor("c");
    const { db } = observed(env.DB, {
      before() {
        throw new Error("D1_ERROR: no such column: totl: SQLITE_ERROR");
      },
    });
    const wired = envWith({ DB: db });
    const response = await app.fetch(
      requestFor("GET", "/v1/orders", { token }),
      wired,
      createExecutionContext(),
    );
    expect(response.status).toBe(500);
    const problem = await problemOf(response);
    expect(problem.code).toBe("internal");
    expect(JSON.stringify(problem)).not.toContain("D1_ERROR");
  });
});

describe("the request id", () => {
  it("is each request's own", async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(async () => (await call("GET", "/healthz")).headers.get("X-Request-Id")),
    );
    expect(new Set(ids).size).toBe(3);
    expect(ids).not.toContain(null);
  });

  it("of the client is kept", async () => {
    const response = await call("GET", "/v1/none", { headers: { "X-Request-Id": "mine-1" } });
    expect(response.headers.get("X-Request-Id")).toBe("mine-1");
    expect((await problemOf(response)).requestId).toBe("mine-1");
  });
});

describe("liveness", () => {
  it("answers without a token, a secret or a database", async () => {
    const wired = envWith({ AUTH_SECRET: "", DB: brokenDb(env.DB) });
    const response = await app.fetch(requestFor("GET", "/healthz"), wired);
    expect(response.status).toBe(200);
  });
});
