import type { OrderView } from "../../../src/orders/order/order.ts";
import { until } from "./until.ts";

export type FeedMessage =
  | { type: "snapshot"; orders: OrderView[]; truncated: boolean }
  | { type: "order"; order: OrderView };

/** One WebSocket of the feed and everything it has heard. */
export class FeedClient {
  readonly messages: FeedMessage[] = [];
  /** Frames that are no JSON, i.e. `pong`. */
  readonly texts: string[] = [];
  closed: { code: number } | undefined;
  readonly socket: WebSocket;

  constructor(base: string | URL, token: string | undefined, since?: string) {
    const url = new URL("/v1/feed", base);
    url.protocol = "ws:";
    if (since !== undefined) url.searchParams.set("since", since);
    // The WebSocket of Node, like that of a browser, sends no headers of one's own.
    const bearer = token === undefined ? [] : [`bearer.${token}`];
    this.socket = new WebSocket(url.href, ["lockstock.v1", ...bearer]);
    this.socket.addEventListener("message", ({ data }) => this.#hear(String(data)));
    this.socket.addEventListener("close", ({ code }) => (this.closed = { code }));
  }

  #hear(text: string): void {
    if (text.startsWith("{")) this.messages.push(JSON.parse(text));
    else this.texts.push(text);
  }

  /** What it was told of this order by itself, without the snapshot, in order. */
  pushes(orderId: string): OrderView[] {
    return this.messages.flatMap((message) =>
      message.type === "order" && message.order.id === orderId ? [message.order] : [],
    );
  }

  /** Every order it knows, at its highest revision, as the contract asks of clients. */
  known(): Map<string, OrderView> {
    const known = new Map<string, OrderView>();
    const told = this.messages.flatMap((m) => (m.type === "snapshot" ? m.orders : [m.order]));
    for (const order of told) {
      if (order.revision >= (known.get(order.id)?.revision ?? 0)) known.set(order.id, order);
    }
    return known;
  }

  /** Resolves to the snapshot, which is the first message. */
  async opened(): Promise<FeedMessage & { type: "snapshot" }> {
    const first = await until("the snapshot", () => this.messages[0]);
    if (first.type !== "snapshot") throw new Error(`the first message is ${first.type}`);
    return first;
  }

  async close(): Promise<void> {
    this.socket.close(1000);
    await until("the close", () => this.closed);
  }
}
