import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { D1_TIMEOUT_MS, timeLimited } from "../../src/orders/database/d1.ts";
import { app } from "../../src/orders/http/app.ts";
import { brokenDb, observed } from "../support/d1.ts";
import { eventually } from "../support/eventually.ts";
import { isMarkedPresent } from "./support/data.ts";
import { Client, connect, type FeedOptions, feedOf, rewireFeed, upgrade } from "./support/feed.ts";
import {
  call,
  envWith,
  migrate,
  newCustomer,
  problemOf,
  requestFor,
  tokenFor,
} from "./support/worker.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
});

async function visitor() {
  const customerId = newCustomer();
  return { customerId, token: await tokenFor(customerId) };
}

describe("the feed's token", () => {
  it("may come by subprotocol, of which only the version is echoed", async () => {
    const { token } = await visitor();
    const response = await upgrade({ protocols: `lockstock.v1, bearer.${token}` });
    expect(response.status).toBe(101);
    expect(response.headers.get("Sec-WebSocket-Protocol")).toBe("lockstock.v1");
    expect(await new Client(response.webSocket!).snapshot()).toEqual([]);
  });

  it("by header negotiates no subprotocol", async () => {
    const response = await upgrade(await visitor());
    expect(response.headers.has("Sec-WebSocket-Protocol")).toBe(false);
    expect(await new Client(response.webSocket!).snapshot()).toEqual([]);
  });

  it.each([
    ["none", () => ({})],
    ["none, with the version", () => ({ protocols: "lockstock.v1" })],
    ["a malformed one", () => ({ token: "no.token.this" })],
    ["one that has run out", async () => ({ token: await tokenFor("c", { lasts_s: -60 }) })],
    [
      "one of another secret",
      async () => ({ token: await tokenFor("c", { secret: "another secret, also long enough" }) }),
    ],
    [
      "one that has run out, by subprotocol",
      async () => ({ protocols: `lockstock.v1, bearer.${await tokenFor("c", { lasts_s: -60 })}` }),
    ],
  ] satisfies [string, () => FeedOptions | Promise<FeedOptions>][])(
    "%s: the socket is accepted and closed with 4401",
    async (_name, options) => {
      const client = await connect(await Promise.resolve(options()));
      expect(await client.code()).toBe(4401);
      expect(client.heard).toEqual([]);
    },
  );

  it("that runs out closes the socket with 4401, after the leeway of 30 s", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const customerId = newCustomer();
    const [short, long] = [
      await connect({ token: await tokenFor(customerId, { lasts_s: 30 }) }),
      await connect({ token: await tokenFor(customerId, { lasts_s: 300 }) }),
    ];
    await short.snapshot();
    vi.setSystemTime(Date.now() + 31_000);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(short.closed).toBeUndefined();
    vi.setSystemTime(Date.now() + 30_000);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await short.code()).toBe(4401);
    expect(long.closed).toBeUndefined();
    expect(await isMarkedPresent(customerId)).toBe(true);
  });

  it("without an upgrade: none is 401, a good one 426", async () => {
    const { token } = await visitor();
    expect((await call("GET", "/v1/feed")).status).toBe(401);
    const response = await call("GET", "/v1/feed", { token });
    expect(response.status).toBe(426);
    expect(response.headers.get("Upgrade")).toBe("websocket");
  });

  it("with no key configured is 503, not a closed socket that looks like a bad token", async () => {
    const { token } = await visitor();
    const request = requestFor("GET", "/v1/feed", { token, headers: { Upgrade: "websocket" } });
    const response = await app.fetch(request, envWith({ AUTH_SECRET: "" }));
    expect(response.status).toBe(503);
  });

  it("a bad `since` is 400", async () => {
    const { token } = await visitor();
    const response = await upgrade({ token, since: "yesterday" });
    expect(response.status).toBe(400);
    expect((await problemOf(response)).errors).toMatchObject([{ path: "since" }]);
  });
});

describe("the feed's sockets", () => {
  it("answer ping with pong", async () => {
    const client = await connect(await visitor());
    await client.snapshot();
    client.send("ping");
    await eventually(() => expect(client.texts).toEqual(["pong"]));
  });

  it("are at most 8 a customer: the next is closed with 1013, the others stay", async () => {
    const { customerId, token } = await visitor();
    const clients = [];
    for (let i = 0; i < 8; i++) clients.push(await connect({ token }));
    const extra = await connect({ token });
    expect(await extra.code()).toBe(1013);
    expect(extra.heard).toEqual([]);
    expect(clients.filter(({ closed }) => closed !== undefined)).toEqual([]);
    expect(await isMarkedPresent(customerId)).toBe(true);
    clients[0]!.close(1000);
    await clients[0]!.code();
    expect(await (await connect({ token })).snapshot()).toEqual([]);
  });

  it.each([1000, 1001, 3000, 4999])("a close with %s is answered with the same", async (code) => {
    const client = await connect(await visitor());
    await client.snapshot();
    client.close(code, "bye");
    expect(await client.code()).toBe(code);
  });

  it("a close without a code is answered", async () => {
    const client = await connect(await visitor());
    await client.snapshot();
    client.close();
    expect([1000, 1005]).toContain(await client.code());
  });

  it("are closed with 1011 when the snapshot cannot be read", async () => {
    const { customerId, token } = await visitor();
    await rewireFeed(customerId, brokenDb(env.DB));
    const client = await connect({ token });
    expect(await client.code()).toBe(1011);
    await rewireFeed(customerId);
    expect(await (await connect({ token })).snapshot()).toEqual([]);
  });
});

it("with D1 silent, sockets that open together are all closed within the time of one", async () => {
  const customerId = newCustomer();
  const token = await tokenFor(customerId);
  // The object is there with a database that never answers, and with the limit that it always has.
  const { db } = observed(env.DB, { before: () => new Promise<void>(() => undefined) });
  await rewireFeed(customerId, timeLimited(db));
  const from_ms = Date.now();
  const clients = await Promise.all(Array.from({ length: 4 }, () => connect({ token })));
  expect(await Promise.all(clients.map((client) => client.code()))).toEqual([
    1011, 1011, 1011, 1011,
  ]);
  expect(Date.now() - from_ms).toBeLessThan(2 * D1_TIMEOUT_MS);
  await rewireFeed(customerId);
});
