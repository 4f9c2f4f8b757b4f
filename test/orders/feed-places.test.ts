import { runInDurableObject } from "cloudflare:test";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { CustomerFeed } from "../../src/orders/worker.ts";
import { eventually } from "../support/eventually.ts";
import { type Client, connect, feedAlarm, feedOf, upgrade } from "./support/feed.ts";
import { migrate, newCustomer, tokenFor } from "./support/worker.ts";

beforeAll(migrate);
afterEach(() => {
  vi.useRealTimers();
});

const PLACES = 8;
/** More than two minutes: clients ping every 20 s. */
const SILENCE_MS = 121_000;

async function visitor() {
  const customerId = newCustomer();
  return { customerId, token: await tokenFor(customerId) };
}

const at = (ms: number) => vi.useFakeTimers({ toFake: ["Date"], now: ms });

async function fill(token: string): Promise<Client[]> {
  const clients = [];
  for (let i = 0; i < PLACES; i++) clients.push(await connect({ token }));
  for (const client of clients) await client.snapshot();
  return clients;
}

async function ping(client: Client): Promise<void> {
  const before = client.texts.length;
  client.send("ping");
  await eventually(() => expect(client.texts.length).toBeGreaterThan(before));
}

/** A message is a sign too, and dated by the clock that tests set. */
async function sign(customerId: string, client: Client): Promise<void> {
  const told = await runInDurableObject(feedOf(customerId), (feed: CustomerFeed) =>
    vi.spyOn(feed, "webSocketMessage"),
  );
  client.send("hello");
  await eventually(() => expect(told).toHaveBeenCalled());
  told.mockRestore();
}

const ends = (clients: readonly Client[]) => clients.map(({ closed }) => closed?.code ?? null);
const NONE = Array.from({ length: PLACES }, (): number | null => null);

describe("when a customer has 8 sockets, one more reader", () => {
  it("gets the place of the one that has been silent for the longest", async () => {
    const { customerId, token } = await visitor();
    const start_ms = Date.now();
    const clients = await fill(token);
    for (const [i, client] of clients.entries()) {
      at(start_ms + (i === 3 ? 1_000 : 2_000 + i));
      await sign(customerId, client);
    }
    at(start_ms + 2_000 + SILENCE_MS);
    expect(await (await connect({ token })).snapshot()).toEqual([]);
    expect(await clients[3]!.code()).toBe(1013);
    expect(ends(clients)).toEqual(NONE.with(3, 1013));
  });

  it("is refused while each of them has pinged in the last two minutes", async () => {
    const start_ms = Date.now();
    at(start_ms - SILENCE_MS);
    const { token } = await visitor();
    const clients = await fill(token);
    at(start_ms);
    // The runtime answers a ping, and dates it by its own clock.
    for (const client of clients) await ping(client);
    expect(await (await connect({ token })).code()).toBe(1013);
    expect(ends(clients)).toEqual(NONE);
  });

  it("gets the place of one that has never pinged and does not answer a close", async () => {
    const { customerId, token } = await visitor();
    const start_ms = Date.now();
    // Nobody reads at the other end.
    for (let i = 0; i < PLACES; i++) expect((await upgrade({ token })).status).toBe(101);
    at(start_ms + SILENCE_MS);
    const clients = await fill(token);
    expect(await (await connect({ token })).code()).toBe(1013);
    expect(ends(clients)).toEqual(NONE);
    // The object will reset itself if the closes stay unanswered.
    expect(await feedAlarm(customerId)).toBeLessThanOrEqual(Date.now() + 30_000);
  });

  it("gets the place of one whose signs are of a clock that ran ahead", async () => {
    const { customerId, token } = await visitor();
    const start_ms = Date.now();
    at(start_ms + 3_600_000);
    const clients = await fill(token);
    for (const client of clients) await sign(customerId, client);
    at(start_ms);
    expect(await (await connect({ token })).snapshot()).toEqual([]);
    await eventually(() => expect(ends(clients).filter((code) => code === 1013)).toHaveLength(1));
  });
});
