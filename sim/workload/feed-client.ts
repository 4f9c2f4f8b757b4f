import { START_MS } from "../kernel/kernel.ts";
import type { OrderView } from "../model/shown.ts";
import type { SimSocket } from "../platform/sockets.ts";
import type { System } from "../system.ts";
import { longToken } from "./tokens.ts";

/**
 * The customer's page: one WebSocket that comes back whenever it is lost. It asks for what changed
 * since its last snapshot, by its own clock, and keeps the highest revision of each order.
 */
export class FeedClient {
  readonly #system: System;
  readonly #customerId: string;
  readonly #secret: string;
  readonly #skew_ms: number;
  readonly #list: () => Promise<readonly OrderView[] | null>;
  readonly view = new Map<string, OrderView>();
  #socket: SimSocket | null = null;
  #isWanted = false;
  #isConnecting = false;
  #snapshot_ms = START_MS;
  #tries = 0;
  pongs = 0;

  /** `list` reads all orders of the customer; null: it got no answer. */
  constructor(
    system: System,
    { customerId, secret, skew_ms }: { customerId: string; secret: string; skew_ms: number },
    list: () => Promise<readonly OrderView[] | null>,
  ) {
    this.#list = list;
    this.#system = system;
    this.#secret = secret;
    this.#customerId = customerId;
    this.#skew_ms = skew_ms;
  }

  get isOpen(): boolean {
    return this.#socket !== null;
  }

  /** Keeps what is newer. */
  learn(order: OrderView): void {
    if (order.revision > (this.view.get(order.id)?.revision ?? 0)) this.view.set(order.id, order);
  }

  connect(): void {
    this.#isWanted = true;
    if (this.#socket || this.#isConnecting) return;
    this.#isConnecting = true;
    const { kernel, http } = this.#system;
    const label = `${this.#customerId} connects`;
    const since = new Date(this.#snapshot_ms + this.#skew_ms).toISOString();
    const asked_ms = kernel.now_ms;
    kernel.after(kernel.latency_ms(this.#customerId), label, () => {
      const request = new Request(`https://shop/v1/feed?since=${since}`, {
        headers: {
          Upgrade: "websocket",
          "Sec-WebSocket-Protocol": `lockstock.v1, bearer.${longToken(this.#customerId, "", this.#secret)}`,
        },
      });
      const lost = () =>
        kernel.after(kernel.latency_ms(this.#customerId), `${label} in vain`, () => this.#lost());
      http.request(
        request,
        ({ status, webSocket }) => {
          if (status !== 101) return lost();
          return kernel.after(kernel.latency_ms(this.#customerId), `${label}: open`, () =>
            this.#open(webSocket as SimSocket, asked_ms),
          );
        },
        lost,
      );
    });
  }

  #open(socket: SimSocket, asked_ms: number): void {
    this.#isConnecting = false;
    this.#socket = socket;
    socket.connect({
      onMessage: (text) => {
        if (this.#socket === socket) this.#hear(text, asked_ms);
      },
      onClose: (code) => {
        if (this.#socket !== socket) return;
        this.#system.kernel.note(`${this.#customerId} sees its socket close with ${code}`);
        this.#lost();
      },
    });
  }

  #hear(text: string, asked_ms: number): void {
    if (text === "pong") {
      this.pongs++;
      return;
    }
    const message = JSON.parse(text) as {
      type: string;
      order?: OrderView;
      orders?: OrderView[];
      truncated?: boolean;
    };
    if (message.type === "snapshot") {
      this.#tries = 0;
      this.#snapshot_ms = asked_ms;
      this.ping();
      if (message.truncated) void this.#readAll();
    }
    for (const order of message.orders ?? (message.order ? [message.order] : [])) this.learn(order);
  }

  /** What a truncated snapshot has left out. */
  async #readAll(): Promise<void> {
    const orders = await this.#list();
    for (const order of orders ?? []) this.learn(order);
    if (orders === null) this.#system.kernel.after(2_000, "", () => void this.#readAll());
  }

  #lost(): void {
    this.#socket = null;
    this.#isConnecting = false;
    if (!this.#isWanted) return;
    const wait_ms = Math.min(10_000, 500 * 2 ** this.#tries++);
    this.#system.kernel.after(wait_ms, "", () => {
      if (this.#isWanted) this.connect();
    });
  }

  ping(): void {
    this.#socket?.clientSend("ping");
  }

  /** Leaves in good order. */
  close(): void {
    this.#isWanted = false;
    this.#socket?.clientClose(1000);
    this.#socket = null;
  }

  /** The page is loaded anew. */
  reload(): void {
    if (!this.#isWanted) return;
    this.close();
    this.connect();
  }

  /** The network breaks. */
  drop(): void {
    const socket = this.#socket;
    const entry = this.#system.sockets.find((each) => each.socket === socket);
    if (entry) entry.feed.cutSocket(entry.socket);
    else socket?.cut();
  }
}
