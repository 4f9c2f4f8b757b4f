import type { Connection, Feed, FeedOptions, FeedPorts, WebSocketLike } from "./feed-options.ts";
import { isOffline, onPageEvents } from "./page-events.ts";
import { LockstockProblem, noResponse, parsed } from "./problem.ts";
import { Revisions } from "./revisions.ts";
import type { Order } from "./types.ts";

const PROTOCOL = "lockstock.v1";
const FIRST_PAUSE_MS = 400;
const MAX_PAUSE_MS = 15_000;
const POLL_MS = 3_000;
/** A server that asks for a longer pause is asked again all the same. */
const MAX_POLL_MS = 120_000;
/** A socket may be dead without an event: `ping` tests it, and without `pong` it is given up. */
const PING_MS = 20_000;
const PONG_MS = 8_000;
/** From the start of connecting to the snapshot. */
const OPEN_MS = 12_000;
const DEFAULT_NEWEST = 20;
/**
 * After so many characters it pings: the server closes a socket that was sent 256 KB without a sign
 * that somebody reads them.
 */
const MAX_UNCONFIRMED = 50_000;
/** `WebSocket.OPEN` */
const OPEN = 1;

/** The ticket is not valid, or its token has expired. */
const UNAUTHENTICATED = 4401;
/** The customer has too many sockets, or reads too slowly. */
const TRY_AGAIN_LATER = 1013;
/** What reconnecting does not change: a violated policy, and other errors of the client's own. */
const isFinal = (code: number): boolean => code === 1008 || (code >= 4400 && code < 4500);

type Message =
  | { type: "snapshot"; orders: Order[]; truncated: boolean }
  | { type: "order"; order: Order };

type Timer = "retry" | "poll" | "ping" | "pong" | "open";

/** The WebSocket of a customer's orders. Reconnects by itself, and polls over HTTP until it has. */
export class OrderFeed implements Feed {
  readonly #ports: FeedPorts;
  readonly #options: FeedOptions;
  readonly #revisions: Revisions;
  readonly #timers = new Map<Timer, ReturnType<typeof setTimeout>>();
  /** Ends the calls under way when the feed is closed. */
  readonly #calls = new AbortController();
  /** By the own clock, of which the server tolerates an error of a minute. */
  readonly #startedAt = new Date().toISOString();
  #connection: Connection = "connecting";
  #socket: WebSocketLike | null = null;
  /** Characters that have come since the last `ping`. */
  #sincePing = 0;
  #wasLive = false;
  #failures = 0;
  /** Counts what has begun to connect or has ended it: only the last one goes on. */
  #turn = 0;
  #stopEvents = (): void => undefined;

  constructor(ports: FeedPorts, options: FeedOptions) {
    this.#ports = ports;
    this.#options = options;
    this.#revisions = new Revisions(options.since ?? null);
    if (options.signal?.aborted) {
      this.#connection = "closed";
      return;
    }
    options.signal?.addEventListener("abort", this.close, { once: true });
    this.#stopEvents = onPageEvents({ wake: () => this.#hurry(), offline: () => this.#lost() });
    void this.#connect();
    this.#later("poll", 0, () => void this.#poll());
  }

  get connection(): Connection {
    return this.#connection;
  }

  readonly close = (): void => {
    this.#drop();
    this.#stopEvents();
    this.#options.signal?.removeEventListener("abort", this.close);
    this.#calls.abort();
    this.#say("closed");
  };

  #end(problem: LockstockProblem): void {
    this.close();
    this.#options.onEnd?.(problem);
  }

  #say(connection: Connection): void {
    if (this.#connection === connection || this.#connection === "closed") return;
    this.#connection = connection;
    this.#options.onConnection?.(connection);
  }

  #show(orders: readonly Order[]): void {
    for (const order of orders) {
      if (this.#connection === "closed") return;
      if (this.#revisions.take(order)) this.#options.onOrder(order);
    }
  }

  /** Reconnects without further delay, e.g. when the browser is online again. */
  #hurry(): void {
    if (this.#socket) return this.#ping();
    this.#failures = 0;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#clear("retry");
    const turn = ++this.#turn;
    let ticket: string;
    try {
      ticket = await this.#ports.ticket(this.#calls.signal);
    } catch (error) {
      if (turn !== this.#turn) return;
      const isOver = error instanceof LockstockProblem && !error.isTemporary;
      return isOver ? this.#end(error) : this.#lost();
    }
    if (turn !== this.#turn || this.#socket) return;
    // What changed between two sockets is in the snapshot since then, even without earlier orders.
    const since = this.#revisions.since ?? (this.#wasLive ? this.#startedAt : null);
    try {
      this.#socket = this.#ports.open(since, [PROTOCOL, `bearer.${ticket}`]);
    } catch (error) {
      // Not the network: an address that no WebSocket takes.
      return this.#end(noResponse(null, error));
    }
    this.#listen(this.#socket);
  }

  #listen(socket: WebSocketLike): void {
    this.#later("open", OPEN_MS, () => this.#lost());
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#clear("pong");
      this.#sincePing += typeof data === "string" ? data.length : 0;
      const message = messageOf(data);
      if (message?.type === "order") this.#show([message.order]);
      else if (message?.type === "snapshot") this.#live(message);
      if (this.#sincePing > MAX_UNCONFIRMED) this.#ping();
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      // Maybe the token has expired: the call for the next ticket tells.
      if (isFinal(code) && code !== UNAUTHENTICATED) return this.#end(closedBy(code));
      this.#lost(code === TRY_AGAIN_LATER ? MAX_PAUSE_MS : FIRST_PAUSE_MS);
    });
  }

  #live({ orders, truncated }: Extract<Message, { type: "snapshot" }>): void {
    this.#wasLive = true;
    this.#failures = 0;
    this.#clear("open");
    this.#clear("poll");
    this.#ping();
    this.#say("live");
    this.#show(orders);
    if (truncated) {
      const turn = this.#turn;
      const all = this.#ports.readAll(this.#calls.signal);
      // If it fails: the next snapshot is truncated as well.
      all.then((found) => turn === this.#turn && this.#show(found)).catch(() => undefined);
    }
  }

  #ping(): void {
    const socket = this.#socket;
    if (socket?.readyState !== OPEN) return;
    this.#sincePing = 0;
    socket.send("ping");
    this.#later("pong", PONG_MS, () => this.#lost());
    this.#later("ping", PING_MS, () => this.#ping());
  }

  #lost(first_ms = FIRST_PAUSE_MS): void {
    this.#drop();
    const isFirst = this.#failures === 0;
    const pause_ms = Math.min(first_ms * 2 ** this.#failures++, MAX_PAUSE_MS);
    this.#later("retry", pause_ms * (0.5 + Math.random() / 2), () => void this.#connect());
    this.#later("poll", POLL_MS, () => void this.#poll());
    // After the timers: what is called may close the feed, or throw.
    // While reconnecting fails, the results of polling set the status.
    if (isOffline()) this.#say("offline");
    else if (isFirst) this.#say("connecting");
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    this.#turn++;
    for (const name of this.#timers.keys()) this.#clear(name);
    socket?.close();
  }

  async #poll(): Promise<void> {
    const { newest = DEFAULT_NEWEST } = this.#options;
    const read = await this.#ports
      .read(newest, this.#calls.signal)
      .catch((error: unknown) => error);
    if (this.#connection === "closed") return;
    const isRead = Array.isArray(read);
    const problem = read instanceof LockstockProblem ? read : null;
    const asked_ms = Math.min((problem?.retryAfter_s ?? 0) * 1_000, MAX_POLL_MS);
    // The timer "ping" runs only while the socket is live.
    const isLive = this.#timers.has("ping");
    // Before anything is called that may close the feed, or throw.
    if (!isLive) this.#later("poll", Math.max(POLL_MS, asked_ms), () => void this.#poll());
    if (isRead) this.#show(read);
    // Another answer: the call for the next ticket tells what is wrong.
    const isBusy = problem !== null && problem.status > 0 && problem.isTemporary;
    if (!isLive && this.#failures > 0) {
      this.#say(isRead ? "polling" : isBusy ? "busy" : "offline");
    }
  }

  #later(name: Timer, wait_ms: number, run: () => void): void {
    this.#clear(name);
    this.#timers.set(name, setTimeout(run, wait_ms));
  }

  #clear(name: Timer): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

/** The problem that a final close code stands for. */
function closedBy(code: number): LockstockProblem {
  return new LockstockProblem({
    code: "forbidden",
    status: 403,
    title: "The server has closed the feed",
    detail: `Close code ${code}.`,
  });
}

function messageOf(data: unknown): Message | null {
  if (typeof data !== "string" || !data.startsWith("{")) return null;
  return (parsed(data) as Message | undefined) ?? null;
}
