import type { Order } from "../shared/api.ts";

/** `polling`: without a socket, but polling succeeds. `offline`: both fail. */
export type Connection = "connecting" | "live" | "polling" | "offline";

export interface FeedPorts {
  url: (since: string | null) => string;
  token: () => Promise<string>;
  since: () => string | null;
  /** Reads the orders over HTTP. */
  poll: () => Promise<readonly Order[]>;
  onOrders: (orders: readonly Order[]) => void;
  onConnection: (connection: Connection) => void;
  /** Called when the server rejects the token: the next `token()` has to return another one. */
  onRefused: () => void;
}

const FIRST_WAIT_MS = 400;
const MAX_WAIT_MS = 15_000;
const POLL_MS = 3_000;
/** A socket may be dead without an event: `ping` tests it, and without `pong` it is closed. */
const PING_MS = 20_000;
const PONG_MS = 8_000;
/** Time limit from the start of connecting to the snapshot. */
const OPEN_MS = 12_000;
/** The server's close code for a rejected token. */
const REFUSED = 4401;

type Message =
  | { type: "snapshot"; orders: Order[]; truncated: boolean }
  | { type: "order"; order: Order };

/** The WebSocket of the buyer's orders. Reconnects by itself, and polls over HTTP until it has. */
export class Feed {
  readonly #ports: FeedPorts;
  #socket: WebSocket | null = null;
  #failures = 0;
  #timers = new Map<"retry" | "poll" | "ping" | "pong" | "open", ReturnType<typeof setTimeout>>();

  constructor(ports: FeedPorts) {
    this.#ports = ports;
  }

  start(): void {
    addEventListener("online", () => this.#hurry());
    addEventListener("offline", () => this.#lost());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "visible") this.#hurry();
    });
    this.#ports.onConnection("connecting");
    void this.#connect();
    this.#later("poll", 0, () => void this.#poll());
  }

  /** Reconnects, e.g. for another customer. */
  restart(): void {
    this.#drop();
    this.#failures = 0;
    void this.#connect();
  }

  /** Reconnects without further delay, e.g. when the browser is online again. */
  #hurry(): void {
    if (this.#socket) return this.#ping();
    this.#failures = 0;
    void this.#connect();
  }

  async #connect(): Promise<void> {
    this.#clear("retry");
    const { token, url, since, onOrders, onConnection, onRefused } = this.#ports;
    let bearer: string;
    try {
      bearer = await token();
    } catch {
      return this.#lost();
    }
    if (this.#socket) return;
    const socket = new WebSocket(url(since()), ["lockstock.v1", `bearer.${bearer}`]);
    this.#socket = socket;
    this.#later("open", OPEN_MS, () => this.#lost());
    socket.addEventListener("message", ({ data }) => {
      if (socket !== this.#socket) return;
      this.#clear("pong");
      const message = read(data);
      if (message?.type === "order") return onOrders([message.order]);
      if (message?.type !== "snapshot") return;
      this.#failures = 0;
      this.#clear("open");
      this.#clear("poll");
      onOrders(message.orders);
      onConnection("live");
      this.#later("ping", PING_MS, () => this.#ping());
      if (message.truncated) this.#later("poll", 0, () => void this.#poll());
    });
    socket.addEventListener("close", ({ code }) => {
      if (socket !== this.#socket) return;
      if (code === REFUSED) onRefused();
      this.#lost();
    });
  }

  #ping(): void {
    const socket = this.#socket;
    if (socket?.readyState !== WebSocket.OPEN) return;
    socket.send("ping");
    this.#later("pong", PONG_MS, () => this.#lost());
    this.#later("ping", PING_MS, () => this.#ping());
  }

  #lost(): void {
    this.#drop();
    // While reconnecting fails, the results of polling set the status.
    if (!navigator.onLine) this.#ports.onConnection("offline");
    else if (this.#failures === 0) this.#ports.onConnection("connecting");
    const wait_ms = Math.min(FIRST_WAIT_MS * 2 ** this.#failures++, MAX_WAIT_MS);
    this.#later("retry", wait_ms * (0.5 + Math.random() / 2), () => void this.#connect());
    this.#later("poll", POLL_MS, () => void this.#poll());
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = null;
    for (const name of this.#timers.keys()) this.#clear(name);
    socket?.close();
  }

  async #poll(): Promise<void> {
    let isAnswered = true;
    try {
      this.#ports.onOrders(await this.#ports.poll());
    } catch {
      isAnswered = false;
    }
    // The timer "ping" runs only while the socket is live.
    if (this.#timers.has("ping")) return;
    if (this.#failures > 0) this.#ports.onConnection(isAnswered ? "polling" : "offline");
    this.#later("poll", POLL_MS, () => void this.#poll());
  }

  #later(name: "retry" | "poll" | "ping" | "pong" | "open", wait_ms: number, run: () => void) {
    this.#clear(name);
    this.#timers.set(name, setTimeout(run, wait_ms));
  }

  #clear(name: "retry" | "poll" | "ping" | "pong" | "open"): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }
}

function read(data: unknown): Message | null {
  if (typeof data !== "string" || !data.startsWith("{")) return null;
  try {
    return JSON.parse(data) as Message;
  } catch {
    return null;
  }
}
