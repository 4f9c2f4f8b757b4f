import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  createClient,
  type Feed,
  type FeedOptions,
  type LockstockProblem,
  type Order,
  type Token,
} from "../../packages/client/src/index.ts";
import { orderView } from "./client-server.ts";

/** The feed's own clock and faults; test/e2e/client.test.ts has it against the real server. */

const order = orderView as (...args: Parameters<typeof orderView>) => Order;

type Listener = (event: { data: unknown } & { code: number }) => void;

/** A socket whose server the test plays. */
class Socket {
  static all: Socket[] = [];
  readyState = 0;
  readonly sent: string[] = [];
  readonly #listeners: Record<string, Listener[]> = {};
  readonly url: string;
  readonly protocols: string[];

  constructor(url: string, protocols: string[]) {
    this.url = url;
    this.protocols = protocols;
    Socket.all.push(this);
  }
  addEventListener(type: string, listener: Listener): void {
    (this.#listeners[type] ??= []).push(listener);
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    this.readyState = 3;
  }
  hear(message: object | string): void {
    this.readyState = 1;
    const data = typeof message === "string" ? message : JSON.stringify(message);
    for (const listener of this.#listeners["message"] ?? []) listener({ data, code: 0 });
  }
  snapshot(orders: Order[] = [], truncated = false): void {
    this.hear({ type: "snapshot", orders, truncated });
  }
  end(code: number): void {
    this.readyState = 3;
    for (const listener of this.#listeners["close"] ?? []) listener({ data: "", code });
  }
}

interface Rig {
  feed: Feed;
  shown: string[];
  states: string[];
  ended: LockstockProblem[];
  polled: string[];
}

/** What HTTP answers; null: nothing. */
let http: ((path: string) => Order[]) | null = null;
/** Answers with this status instead, and wants a pause of 30 s. */
let busyStatus: number | null = null;
/** What the call for a ticket answers to this bearer token. */
let ticket: (bearer: string | undefined) => Response | Promise<Response>;
let tickets = 0;
const good = (): Response => Response.json({ ticket: `c~${++tickets}` }, { status: 201 });
const refusal = (status: number, code: string): Response =>
  Response.json({ status, code, title: code }, { status });
let feeds: Feed[] = [];

function rig(options: Partial<FeedOptions> = {}, token: Token = "t"): Rig {
  const [shown, states, ended, polled] = [[], [], [], []] as [[], [], [], []] as never as [
    string[],
    string[],
    LockstockProblem[],
    string[],
  ];
  const shop = createClient({
    url: "https://shop.test",
    token,
    WebSocket: Socket as never,
    fetch: async (url, { headers }) => {
      const { pathname, search } = new URL(url);
      if (pathname === "/v1/feed/tickets") return ticket(headers["Authorization"]?.slice(7));
      polled.push(pathname + search);
      if (http === null) throw new TypeError("no network");
      if (busyStatus !== null) {
        return Response.json({}, { status: busyStatus, headers: { "Retry-After": "30" } });
      }
      return Response.json({ orders: http(search), nextCursor: null });
    },
  });
  const feed = shop.feed({
    onOrder: ({ id, revision }) => void shown.push(`${id} ${revision}`),
    onConnection: (state) => void states.push(state),
    onEnd: (problem) => void ended.push(problem),
    ...options,
  });
  feeds.push(feed);
  return { feed, shown, states, ended, polled };
}

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const newest = (): Socket => Socket.all.at(-1)!;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse("2026-11-26T12:00:00.000Z") });
  Socket.all = [];
  feeds = [];
  http = () => [];
  busyStatus = null;
  ticket = good;
  tickets = 0;
});
afterEach(() => {
  for (const feed of feeds) feed.close();
  const timers = vi.getTimerCount();
  vi.useRealTimers();
  if (timers > 0) throw new Error(`${timers} timers are left of closed feeds`);
});

describe("orders", () => {
  test("are shown once for each revision, never an older one after a newer one", async () => {
    http = () => [order("a", 1), order("b", 5)];
    const { shown } = rig();
    await later(10);
    newest().snapshot([order("a", 2)]);
    newest().hear({ type: "order", order: order("a", 1) });
    newest().hear({ type: "order", order: order("a", 3) });
    newest().hear({ type: "order", order: order("a", 3) });
    newest().hear({ type: "order", order: order("b", 4) });
    newest().hear("not json {");
    newest().hear("{ broken");
    newest().hear({ type: "of_a_newer_server" });
    expect(shown).toEqual(["a 1", "b 5", "a 2", "a 3"]);
  });

  test("since a time are asked for; after a break those since the newest that was shown", async () => {
    http = null;
    rig({ since: "2026-11-26T09:00:00.000Z" });
    await later(10);
    expect(newest().url).toBe("wss://shop.test/v1/feed?since=2026-11-26T09%3A00%3A00.000Z");
    expect(newest().protocols).toEqual(["lockstock.v1", "bearer.c~1"]);
    newest().snapshot([order("a", 3), order("b", 2)]);
    newest().end(1011);
    await later(1_000);
    expect(Socket.all).toHaveLength(2);
    expect(newest().url).toContain("since=2026-11-26T10%3A00%3A03.000Z");
  });

  test("that were placed and ended between two sockets are not missed by a feed that knew none", async () => {
    rig();
    await later(10);
    expect(newest().url).toBe("wss://shop.test/v1/feed");
    newest().snapshot();
    newest().end(1006);
    await later(1_000);
    expect(newest().url).toContain("since=2026-11-26T12%3A00%3A00.000Z");
  });

  test("beyond a truncated snapshot are read over HTTP", async () => {
    http = (search) => (search.includes("limit=100") ? [order("old", 1)] : []);
    const { shown } = rig();
    await later(10);
    newest().snapshot([order("new", 1)], true);
    await later(10);
    expect(shown).toEqual(["new 1", "old 1"]);
  });
});

describe("connecting", () => {
  test("says busy while the server refuses to answer, which is not the same as being away", async () => {
    const { states } = rig();
    busyStatus = 429;
    for (let ms = 0; ms < 20_000; ms += 100) {
      await later(100);
      if (Socket.all.length > 0 && newest().readyState !== 3) newest().end(1006);
    }
    expect(states).toEqual(["busy"]);
  });

  test("is tried again with growing pauses of at most 15 s, and polling says how it stands", async () => {
    const { states, polled } = rig({ newest: 7 });
    const opened: number[] = [];
    for (let ms = 0; ms < 120_000; ms += 100) {
      await later(100);
      if (Socket.all.length > opened.length) {
        opened.push(ms);
        newest().end(1006);
      }
      if (ms === 60_000) http = null;
    }
    const pauses = opened.slice(1).map((at, i) => at - opened[i]!);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(15_100);
    expect(pauses.at(-1)).toBeGreaterThanOrEqual(7_400);
    expect(opened.length).toBeLessThan(20);
    expect(states).toEqual(["polling", "offline"]);
    expect(new Set(polled)).toEqual(new Set(["/v1/orders?limit=7"]));
    http = () => [];
    for (const before = Socket.all.length; Socket.all.length === before;) await later(100);
    newest().snapshot();
    newest().hear("pong");
    expect(states.at(-1)).toBe("live");
    const before = polled.length;
    await later(19_000);
    expect(polled).toHaveLength(before);
  });

  test("a server that never sends the snapshot is given up after 12 s", async () => {
    rig();
    await later(11_900);
    expect(Socket.all).toHaveLength(1);
    await later(1_000);
    expect(Socket.all).toHaveLength(2);
    expect(Socket.all[0]?.readyState).toBe(3);
  });

  test("too many sockets: it comes back no sooner than 7.5 s later", async () => {
    const { ended } = rig();
    await later(10);
    newest().end(1013);
    await later(7_400);
    expect(Socket.all).toHaveLength(1);
    await later(8_000);
    expect(Socket.all).toHaveLength(2);
    expect(ended).toEqual([]);
  });

  test("a token that cannot be had now is asked for again", async () => {
    let calls = 0;
    const token = () => {
      if (++calls < 4) throw new Error("not now");
      return "t";
    };
    rig({}, token);
    await later(5_000);
    expect(Socket.all.length).toBeGreaterThan(0);
  });

  test.each([
    ["that has no answer", () => Promise.reject(new TypeError("no network"))],
    ["503", () => refusal(503, "unavailable")],
    ["429", () => refusal(429, "rate_limited")],
  ])("a ticket that cannot be had now is asked for again: %s", async (_name, answer) => {
    let calls = 0;
    ticket = () => (++calls < 4 ? answer() : good());
    const { ended } = rig();
    await later(6_000);
    expect(Socket.all.length).toBeGreaterThan(0);
    expect(ended).toEqual([]);
  });

  test("each socket has a ticket of its own", async () => {
    rig();
    await later(10);
    for (let i = 0; i < 3; i++) {
      newest().snapshot();
      newest().end(1006);
      await later(1_000);
    }
    expect(Socket.all.map(({ protocols }) => protocols[1])).toEqual([
      "bearer.c~1",
      "bearer.c~2",
      "bearer.c~3",
      "bearer.c~4",
    ]);
  });
});

describe("a socket that is silent", () => {
  test("is told that its messages are read, at once and after each 50,000 characters", async () => {
    rig();
    await later(10);
    const socket = newest();
    socket.snapshot();
    expect(socket.sent).toEqual(["ping"]);
    const large = { ...order("a", 1), metadata: { text: "x".repeat(20_000) } };
    for (let revision = 1; revision <= 2; revision++) {
      socket.hear({ type: "order", order: { ...large, revision } });
    }
    expect(socket.sent).toEqual(["ping"]);
    socket.hear({ type: "order", order: { ...large, revision: 3 } });
    expect(socket.sent).toEqual(["ping", "ping"]);
    socket.hear("pong");
  });

  test("is asked every 20 s, and given up 8 s after a ping without a pong", async () => {
    const { states } = rig();
    await later(10);
    const socket = newest();
    socket.snapshot();
    socket.hear("pong");
    await later(20_000);
    expect(socket.sent).toEqual(["ping", "ping"]);
    socket.hear("pong");
    await later(20_000);
    expect(socket.sent).toEqual(["ping", "ping", "ping"]);
    await later(7_900);
    expect(Socket.all).toHaveLength(1);
    await later(1_000);
    expect(Socket.all).toHaveLength(2);
    expect(states).toEqual(["live", "connecting"]);
  });

  test("and heard of later is not listened to any more", async () => {
    const { shown } = rig();
    await later(10);
    const old = newest();
    old.snapshot();
    await later(8_500);
    newest().snapshot();
    old.hear({ type: "order", order: order("a", 1) });
    old.end(4401);
    expect(shown).toEqual([]);
    expect(Socket.all).toHaveLength(2);
  });
});

describe("the end", () => {
  test("a token that is refused, and no other one: unauthenticated, and nothing is asked any more", async () => {
    const { ended, states, feed } = rig();
    await later(10);
    ticket = () => refusal(401, "unauthenticated");
    newest().end(4401);
    await later(60_000);
    expect(ended).toMatchObject([{ code: "unauthenticated", status: 401 }]);
    expect(feed.connection).toBe("closed");
    expect(states.at(-1)).toBe("closed");
    expect(Socket.all).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("without any token too", async () => {
    const seen: (string | undefined)[] = [];
    ticket = (bearer) => {
      seen.push(bearer);
      return refusal(401, "unauthenticated");
    };
    const { ended } = rig({}, null);
    await later(60_000);
    expect(ended).toMatchObject([{ code: "unauthenticated" }]);
    expect(seen).toEqual([undefined]);
    expect(Socket.all).toEqual([]);
  });

  test("a ticket that was not taken is replaced by another one", async () => {
    const { ended } = rig();
    await later(10);
    newest().end(4401);
    await later(1_000);
    newest().snapshot();
    expect(newest().protocols[1]).toBe("bearer.c~2");
    expect(ended).toEqual([]);
  });

  test("a refused token is replaced by another one", async () => {
    const asked: (string | undefined)[] = [];
    ticket = (bearer) => (bearer === "t1" ? good() : refusal(401, "unauthenticated"));
    const { ended } = rig({ newest: 1 }, (refused) => {
      asked.push(refused);
      return refused === undefined ? "t0" : "t1";
    });
    await later(10);
    newest().snapshot();
    expect(asked).toContain("t0");
    expect(ended).toEqual([]);
  });

  test.each([1008, 4403, 4429])("close code %i ends it", async (code) => {
    const { ended } = rig();
    await later(10);
    newest().end(code);
    await later(60_000);
    expect(ended).toMatchObject([{ code: "forbidden", detail: `Close code ${code}.` }]);
    expect(Socket.all).toHaveLength(1);
  });

  test("close() and an aborted signal end it without a word to onEnd", async () => {
    const stop = new AbortController();
    const [one, other] = [rig(), rig({ signal: stop.signal })];
    await later(10);
    for (const socket of Socket.all) socket.snapshot();
    one.feed.close();
    stop.abort();
    expect(Socket.all.map(({ readyState }) => readyState)).toEqual([3, 3]);
    expect(vi.getTimerCount()).toBe(0);
    expect([one.ended, other.ended, one.states, other.states]).toEqual([
      [],
      [],
      ["live", "closed"],
      ["live", "closed"],
    ]);
    expect(rig({ signal: stop.signal }).feed.connection).toBe("closed");
    await later(10);
    expect(Socket.all).toHaveLength(2);
  });

  test.each(["connecting", "polling"] as const)(
    "it stays closed when it is closed as it tells %s",
    async (at) => {
      const found = rig({
        onConnection: (state) => {
          if (state === at) found.feed.close();
        },
      });
      await later(10);
      newest().snapshot();
      ticket = () => refusal(503, "unavailable");
      newest().end(1006);
      await later(60_000);
      expect([found.feed.connection, vi.getTimerCount()]).toEqual(["closed", 0]);
      expect(Socket.all).toHaveLength(1);
    },
  );

  test("it goes on when what it calls throws", async () => {
    const { feed } = rig({
      onConnection: (state) => {
        if (state === "connecting") throw new Error("of the page");
      },
    });
    await later(10);
    newest().snapshot();
    expect(() => newest().end(1006)).toThrow("of the page");
    await later(1_000);
    newest().snapshot();
    expect([feed.connection, Socket.all.length]).toEqual(["live", 2]);
  });

  test.each(["/v1/feed/tickets", "/v1/orders?limit=20", "/v1/orders?limit=100"])(
    "close() aborts the call of %s that is under way, and repeats none",
    async (silent) => {
      const [calls, aborted]: [string[], string[]] = [[], []];
      const shop = createClient({
        url: "https://shop.test",
        token: "t",
        WebSocket: Socket as never,
        fetch: (url, { signal }) => {
          const path = url.slice("https://shop.test".length);
          calls.push(path);
          if (path === "/v1/feed/tickets" && path !== silent) return Promise.resolve(good());
          return new Promise((_, reject) => {
            signal.addEventListener("abort", () => {
              aborted.push(path);
              reject(signal.reason as Error);
            });
          });
        },
      });
      const feed = shop.feed({ onOrder: () => undefined });
      await later(10);
      // A truncated snapshot makes the feed read the rest.
      Socket.all[0]?.snapshot([], true);
      await later(10);
      feed.close();
      expect(aborted).toContain(silent);
      await later(60_000);
      expect(calls.filter((path) => path === silent)).toHaveLength(1);
      expect(vi.getTimerCount()).toBe(0);
    },
  );

  test("an address that no WebSocket takes ends it", async () => {
    const Thrower = class {
      constructor() {
        throw new SyntaxError("not an address");
      }
    };
    const ended: LockstockProblem[] = [];
    const shop = createClient({
      url: "https://shop.test",
      token: "t",
      WebSocket: Thrower as never,
      fetch: async (url) => (url.endsWith("/v1/feed/tickets") ? good() : Response.json({})),
    });
    feeds.push(
      shop.feed({ onOrder: () => undefined, onEnd: (problem) => void ended.push(problem) }),
    );
    await later(10);
    expect(ended).toMatchObject([
      { code: "no_response", cause: new SyntaxError("not an address") },
    ]);
  });
});
