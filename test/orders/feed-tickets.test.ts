import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { decodeTicket, encodeTicket } from "../../src/orders/feed/tickets.ts";
import { app } from "../../src/orders/http/app.ts";
import type { CustomerFeed } from "../../src/orders/worker.ts";
import { pendingOrder } from "./support/data.ts";
import { type Client, connect, feedAlarm, feedOf, upgrade } from "./support/feed.ts";
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

interface Issued {
  ticket: string;
  expiresAt: string;
}

async function issue(token: string): Promise<Issued> {
  const response = await call("POST", "/v1/feed/tickets", { token });
  expect(response.status).toBe(201);
  expect(response.headers.get("Cache-Control")).toBe("no-store");
  return await response.json<Issued>();
}

const open = (ticket: string): Promise<Client> =>
  connect({ protocols: `lockstock.v1, bearer.${ticket}` });

const stored = (customerId: string): Promise<unknown[]> =>
  runInDurableObject(
    feedOf(customerId),
    (_: CustomerFeed, { storage }) => storage.kv.get<unknown[]>("tickets") ?? [],
  );

const later = (ms: number) => vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + ms });

describe("a ticket for the feed", () => {
  it("opens its customer's feed once, within a minute, and only the version is echoed", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const { id } = await pendingOrder({ customerId });
    const from_ms = Date.now();
    const { ticket, expiresAt } = await issue(token);
    expect(Date.parse(expiresAt) - from_ms).toBeGreaterThanOrEqual(60_000);
    expect(Date.parse(expiresAt) - from_ms).toBeLessThan(65_000);
    const protocols = `lockstock.v1, bearer.${ticket}`;
    const response = await upgrade({ protocols });
    expect(response.headers.get("Sec-WebSocket-Protocol")).toBe("lockstock.v1");
    response.webSocket?.accept();
    expect(await (await open((await issue(token)).ticket)).snapshot()).toMatchObject([{ id }]);
    // Used up.
    expect(await (await open(ticket)).code()).toBe(4401);
    expect(await stored(customerId)).toEqual([]);
  });

  it.each(["customer/with ~, 🎟 and ümläuts", "x".repeat(255), "界".repeat(255), "."])(
    "is made of characters that a subprotocol may have, whatever the customer's id: %s",
    async (customerId) => {
      const { ticket } = await issue(await tokenFor(customerId));
      expect(ticket).toMatch(/^[\w-]+~[\w-]+$/);
      expect(await (await open(ticket)).snapshot()).toEqual([]);
    },
  );

  it("is not valid after a minute, and leaves nothing behind", async () => {
    const customerId = newCustomer();
    const { ticket } = await issue(await tokenFor(customerId));
    expect(await stored(customerId)).toHaveLength(1);
    later(60_001);
    expect(await (await open(ticket)).code()).toBe(4401);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await stored(customerId)).toEqual([]);
    expect(await feedAlarm(customerId)).toBeNull();
  });

  it("survives an eviction of the feed", async () => {
    const customerId = newCustomer();
    const { ticket } = await issue(await tokenFor(customerId));
    await evictDurableObject(feedOf(customerId));
    expect(await (await open(ticket)).snapshot()).toEqual([]);
  });

  it("counts once also when it is used twice at the same time", async () => {
    const { ticket } = await issue(await tokenFor(newCustomer()));
    const clients = await Promise.all([open(ticket), open(ticket), open(ticket)]);
    const ends = await Promise.all(
      clients.map((client) => Promise.race([client.code(), client.snapshot().then(() => 0)])),
    );
    expect(ends.toSorted((a, b) => a - b)).toEqual([0, 4401, 4401]);
  });

  it("ends with the token that it was issued for", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const customerId = newCustomer();
    // With the 30 s that clocks may differ: 20 s from now.
    const { ticket, expiresAt } = await issue(await tokenFor(customerId, { lasts_s: -10 }));
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(20_000);
    const client = await open(ticket);
    await client.snapshot();
    vi.setSystemTime(Date.now() + 21_000);
    await runDurableObjectAlarm(feedOf(customerId));
    expect(await client.code()).toBe(4401);
  });

  it("of another customer, forged, cut or of no customer: the socket is closed with 4401", async () => {
    const { ticket } = await issue(await tokenFor(newCustomer()));
    const { secret } = decodeTicket(ticket)!;
    const bad = [
      encodeTicket({ customerId: newCustomer(), secret }),
      ticket.slice(0, -1),
      `${ticket}~${secret}`,
      `~${secret}`,
      "~",
      encodeTicket({ customerId: "x".repeat(256), secret }),
      `___~${secret}`,
    ];
    for (const one of bad) expect(await (await open(one)).code()).toBe(4401);
    expect(await (await open(ticket)).snapshot()).toEqual([]);
  });

  it("is not a token: other calls refuse it", async () => {
    const { ticket } = await issue(await tokenFor(newCustomer()));
    expect((await call("GET", "/v1/orders", { token: ticket })).status).toBe(401);
    expect((await call("POST", "/v1/feed/tickets", { token: ticket })).status).toBe(401);
    const plain = await call("GET", "/v1/feed", {
      headers: { "Sec-WebSocket-Protocol": `lockstock.v1, bearer.${ticket}` },
    });
    expect(plain.status).toBe(401);
  });

  it("the newest 16 of a customer are kept", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    const tickets: string[] = [];
    for (let i = 0; i < 17; i++) tickets.push((await issue(token)).ticket);
    expect(await stored(customerId)).toHaveLength(16);
    expect(await (await open(tickets[0]!)).code()).toBe(4401);
    expect(await (await open(tickets[1]!)).snapshot()).toEqual([]);
  });

  it("is not issued without a token, and 429 when too many are asked for", async () => {
    expect((await call("POST", "/v1/feed/tickets")).status).toBe(401);
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    await runInDurableObject(feedOf(customerId), (feed: CustomerFeed) =>
      Reflect.set(feed, "env", envWith({ RATE_LIMIT: "on" })),
    );
    for (let i = 0; i < 16; i++) await issue(token);
    const response = await call("POST", "/v1/feed/tickets", { token });
    expect(response.status).toBe(429);
    expect(response.headers.get("Retry-After")).toBe("10");
    expect((await problemOf(response)).code).toBe("rate_limited");
  });

  it("forged ones of a customer do not use up the sockets that the customer may open", async () => {
    const customerId = newCustomer();
    const token = await tokenFor(customerId);
    await runInDurableObject(feedOf(customerId), (feed: CustomerFeed) =>
      Reflect.set(feed, "env", envWith({ RATE_LIMIT: "on" })),
    );
    for (let i = 0; i < 20; i++) {
      const client = await open(encodeTicket({ customerId, secret: `guess-${i}` }));
      expect(await client.code()).toBe(4401);
    }
    expect(await (await connect({ token })).snapshot()).toEqual([]);
  });

  it("is 503 while the feed still has the code of a version without tickets", async () => {
    const FEED = {
      getByName: () => ({
        push: () => Promise.resolve(),
        issueTicket: () =>
          Promise.reject(
            new TypeError('The RPC receiver does not implement the method "issueTicket".'),
          ),
      }),
    };
    const request = requestFor("POST", "/v1/feed/tickets", { token: await tokenFor("c") });
    const response = await app.fetch(request, envWith({ FEED }));
    expect(response.status).toBe(503);
  });

  it("is never taken for a verified customer by such a feed", async () => {
    let sent = new Headers();
    const FEED = {
      getByName: () => ({
        push: () => Promise.resolve(),
        fetch: async (_: string, { headers }: { headers: Headers }) => {
          sent = headers;
          return new Response(null, { status: 401 });
        },
      }),
    };
    const ticket = encodeTicket({ customerId: "victim", secret: "x" });
    const request = requestFor("GET", "/v1/feed", {
      headers: { Upgrade: "websocket", "Sec-WebSocket-Protocol": `lockstock.v1, bearer.${ticket}` },
    });
    await app.fetch(request, envWith({ FEED }));
    expect(sent.has("x-lockstock-ticket")).toBe(true);
    expect(sent.has("x-lockstock-connect")).toBe(false);
  });
});
