import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { OrderView } from "../../../src/orders/order/order.ts";
import type { CustomerFeed } from "../../../src/orders/worker.ts";
import { eventually } from "../../support/eventually.ts";
import { call, envWith } from "./worker.ts";

export type FeedMessage =
  | { type: "snapshot"; orders: OrderView[]; truncated: boolean }
  | { type: "order"; order: OrderView };

/** A client's end of a feed, with everything it has heard. */
export class Client {
  readonly heard: FeedMessage[] = [];
  readonly texts: string[] = [];
  closed: { code: number; reason: string } | undefined;
  readonly #socket: WebSocket;

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const text = String(data);
      if (text.startsWith("{")) this.heard.push(JSON.parse(text) as FeedMessage);
      else this.texts.push(text);
    });
    socket.addEventListener("close", ({ code, reason }) => {
      this.closed = { code, reason };
    });
    socket.accept();
  }

  send(text: string): void {
    this.#socket.send(text);
  }

  close(code?: number, reason?: string): void {
    this.#socket.close(code, reason);
  }

  /** Waits until so many messages were heard. */
  async hears(count: number): Promise<FeedMessage[]> {
    await eventually(() => {
      if (this.heard.length < count) throw new Error(`heard ${this.heard.length} of ${count}`);
    });
    return this.heard;
  }

  async snapshot(): Promise<OrderView[]> {
    const [first] = await this.hears(1);
    if (first?.type !== "snapshot") throw new Error(`first came ${first?.type}`);
    return first.orders;
  }

  /** The close code, once it is closed. */
  async code(): Promise<number> {
    return (await eventually(() => this.closed ?? Promise.reject(new Error("still open")))).code;
  }

  /** `[status, revision]` of each change heard after the snapshot. */
  get changes(): [string, string, number][] {
    return this.heard.flatMap((message) =>
      message.type === "order"
        ? [[message.order.id, message.order.status, message.order.revision]]
        : [],
    );
  }
}

export interface FeedOptions {
  token?: string;
  protocols?: string;
  since?: string;
}

export async function upgrade({ token, protocols, since }: FeedOptions): Promise<Response> {
  const query = since === undefined ? "" : `?since=${encodeURIComponent(since)}`;
  return call("GET", `/v1/feed${query}`, {
    ...(token !== undefined && { token }),
    headers: {
      Upgrade: "websocket",
      ...(protocols !== undefined && { "Sec-WebSocket-Protocol": protocols }),
    },
  });
}

export async function connect(options: FeedOptions): Promise<Client> {
  const { webSocket, status } = await upgrade(options);
  if (!webSocket) throw new Error(`no socket, but ${status}`);
  return new Client(webSocket);
}

export const feedOf = (customerId: string) => env.FEED.getByName(customerId);

/** Gives a customer's feed another database; without one, its own again. */
export const rewireFeed = (customerId: string, db = env.DB): Promise<boolean> =>
  runInDurableObject(feedOf(customerId), (feed: CustomerFeed) =>
    Reflect.set(feed, "env", envWith({ DB: db })),
  );

export const feedAlarm = (customerId: string): Promise<number | null> =>
  runInDurableObject(feedOf(customerId), (_feed: CustomerFeed, state) => state.storage.getAlarm());

/** How each `webSocketClose` of this feed ended from now on: "done", or the error it threw. */
export async function closings(customerId: string): Promise<string[]> {
  const ends: string[] = [];
  await runInDurableObject(feedOf(customerId), (feed: CustomerFeed) => {
    const original = feed.webSocketClose.bind(feed);
    feed.webSocketClose = async (...args) => {
      ends.push(
        await original(...args).then(
          () => "done",
          (error: unknown) => String(error),
        ),
      );
    };
  });
  return ends;
}
