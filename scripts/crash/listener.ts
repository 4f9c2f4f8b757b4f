import { setTimeout as sleep } from "node:timers/promises";
import type { OrderView } from "../../src/orders/order/order.ts";
import type { Journal } from "./journal.ts";

const PING_MS = 2_000;
const SILENCE_MS = 10_000;
const RECONNECT_MS = 300;

type Message = { type: "snapshot"; orders: OrderView[] } | { type: "order"; order: OrderView };

/** A customer's client of the feed: it comes back whenever its socket ends or falls silent. */
export class Listener {
  /** Every order at its highest revision, which is all that a client knows. */
  readonly known = new Map<string, OrderView>();
  sockets = 0;
  readonly #url: string;
  readonly #token: string;
  readonly #journal: Journal;
  #since: string;
  #isDone = false;
  #socket: WebSocket | undefined;

  constructor(base: string, token: string, journal: Journal) {
    this.#url = `${base.replace("http", "ws")}/v1/feed`;
    this.#token = token;
    this.#journal = journal;
    this.#since = new Date().toISOString();
    void this.#run();
  }

  end(): void {
    this.#isDone = true;
    this.#socket?.close();
  }

  async #run(): Promise<void> {
    while (!this.#isDone) {
      await this.#listen();
      await sleep(RECONNECT_MS);
    }
  }

  /** One socket, until it is over. */
  #listen(): Promise<void> {
    return new Promise((done) => {
      const url = `${this.#url}?since=${encodeURIComponent(this.#since)}`;
      const socket = new WebSocket(url, ["lockstock.v1", `bearer.${this.#token}`]);
      this.#socket = socket;
      this.sockets++;
      let heard_ms = Date.now();
      const pings = setInterval(() => {
        // A runtime that was killed does not always say so.
        if (Date.now() - heard_ms > SILENCE_MS) over();
        else if (socket.readyState === WebSocket.OPEN) socket.send("ping");
      }, PING_MS);
      const over = () => {
        clearInterval(pings);
        socket.close();
        done();
      };
      socket.addEventListener("close", over);
      socket.addEventListener("error", over);
      socket.addEventListener("message", ({ data }) => {
        heard_ms = Date.now();
        if (data !== "pong") this.#hear(JSON.parse(String(data)));
      });
    });
  }

  #hear(message: Message): void {
    const orders = message.type === "snapshot" ? message.orders : [message.order];
    for (const order of orders) {
      this.#journal.tell(order);
      if (order.updatedAt > this.#since) this.#since = order.updatedAt;
      if (order.revision > (this.known.get(order.id)?.revision ?? 0)) {
        this.known.set(order.id, order);
      }
    }
  }
}
