import { DurableObject } from "cloudflare:workers";
import { errorText, log } from "../../contract/log.ts";
import { isUnfinished, type OrderView, viewOf } from "../order.ts";
import { markAbsent, markPresent } from "./presence.sql.ts";
import {
  type Attachment,
  CLOSE,
  type Connect,
  CONNECT_HEADER,
  type FeedMessage,
  PROTOCOL,
} from "./protocol.ts";

/** Sockets one customer may have open. */
const MAX_SOCKETS = 64;
/** Clients ask for what changed since their own clock's time; it may be wrong by this much. */
const SINCE_SLACK_MS = 60_000;
/** Waits between rereads while an order is unfinished; the last repeats. */
const REREAD_MS = [5_000, 15_000, 60_000];
/** With nothing unfinished: a change whose push was lost is still found. */
const IDLE_REREAD_MS = 300_000;
const MAX_KNOWN = 2_000;

/** Codes that a client may see but nobody may send (RFC 6455, 7.4.1). */
const UNSENDABLE = new Set([1005, 1006, 1015]);

/** One customer's WebSockets. Hibernates between events; D1 stays the truth, this only tells it. */
export class CustomerFeed extends DurableObject<OrdersEnv> {
  /** Sockets whose snapshot is being read, with what was pushed meanwhile. */
  readonly #opening = new Map<WebSocket, Map<string, OrderView>>();
  /** The revision last told, by order. Only saves repeats: it may be lost at any time. */
  readonly #known = new Map<string, number>();
  #presence: Promise<unknown> = Promise.resolve();
  #step = 0;

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, env);
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  override async fetch(request: Request): Promise<Response> {
    const connect = JSON.parse(request.headers.get(CONNECT_HEADER) ?? "") as Connect;
    const { 0: client, 1: server } = new WebSocketPair();
    const isFull = this.#open().length >= MAX_SOCKETS;
    this.ctx.acceptWebSocket(server);
    if (isFull) server.close(CLOSE.tryAgainLater, `at most ${MAX_SOCKETS} sockets a customer`);
    else await this.#welcome(server, connect);
    // Only the version is echoed, never the subprotocol that carried the token.
    const isNegotiated = request.headers.has("Sec-WebSocket-Protocol");
    const headers = new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  async #welcome(socket: WebSocket, { customerId, expires_ms, since_ms }: Connect): Promise<void> {
    socket.serializeAttachment({ customerId, expires_ms } satisfies Attachment);
    const missed = new Map<string, OrderView>();
    this.#opening.set(socket, missed);
    try {
      const now_ms = Date.now();
      const from_ms = since_ms === null ? null : since_ms - SINCE_SLACK_MS;
      const snapshot = await this.#exclusively(() =>
        markPresent(this.env.DB, customerId, { since_ms: from_ms, now_ms }),
      );
      const orders = snapshot.orders.map(viewOf);
      send(socket, { type: "snapshot", orders, truncated: snapshot.isTruncated });
      const revisions = new Map(orders.map(({ id, revision }) => [id, revision]));
      for (const order of missed.values()) {
        if (order.revision > (revisions.get(order.id) ?? 0)) send(socket, { type: "order", order });
      }
      await this.#plan([...orders, ...missed.values()]);
    } catch (error) {
      log("error", "feed.unopened", { customerId, error: errorText(error) });
      socket.close(CLOSE.internal, "try again");
    } finally {
      this.#opening.delete(socket);
    }
  }

  /** Tells these orders, which are durable, to every socket. */
  async push(orders: OrderView[]): Promise<void> {
    const [first] = orders;
    if (first === undefined) return;
    if (this.#open().length === 0) return this.#leave(first.customerId);
    this.#tell(orders);
    await this.#plan(orders);
  }

  #tell(orders: readonly OrderView[]): void {
    if (this.#known.size > MAX_KNOWN) this.#known.clear();
    for (const order of orders) {
      this.#known.set(order.id, Math.max(order.revision, this.#known.get(order.id) ?? 0));
      for (const socket of this.#open()) {
        const missed = this.#opening.get(socket);
        if (!missed) send(socket, { type: "order", order });
        else if (order.revision > (missed.get(order.id)?.revision ?? 0))
          missed.set(order.id, order);
      }
    }
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    // The runtime does not answer the close by itself; without this the client sees 1006.
    close(socket, UNSENDABLE.has(code) ? 1000 : code, reason);
    await this.#left(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    close(socket, CLOSE.internal, "error");
    await this.#left(socket);
  }

  async #left(socket: WebSocket): Promise<void> {
    const { customerId } = socket.deserializeAttachment() as Attachment;
    if (this.#open(socket).length === 0) await this.#leave(customerId);
  }

  /** Rereads D1 and tells what is newer, so that a push that was lost is made up for. */
  override async alarm(): Promise<void> {
    try {
      await this.#reread(Date.now());
    } catch (error) {
      log("error", "feed.alarm_failed", { error: errorText(error) });
      await this.ctx.storage.setAlarm(Date.now() + (REREAD_MS.at(-1) ?? 0));
    }
  }

  async #reread(now_ms: number): Promise<void> {
    for (const socket of this.#open()) {
      if (attachmentOf(socket).expires_ms > now_ms) continue;
      socket.close(CLOSE.unauthenticated, "the token has run out");
    }
    const [socket] = this.#open();
    if (!socket) return;
    const { customerId } = attachmentOf(socket);
    // The longest wait between rereads, so that none falls between two of them.
    const since_ms = now_ms - IDLE_REREAD_MS - SINCE_SLACK_MS;
    const { orders } = await this.#exclusively(() =>
      markPresent(this.env.DB, customerId, { since_ms, now_ms }),
    );
    const views = orders.map(viewOf);
    this.#tell(views.filter(({ id, revision }) => revision > (this.#known.get(id) ?? 0)));
    const wait_ms = views.some(isUnfinished)
      ? (REREAD_MS[Math.min(this.#step++, REREAD_MS.length - 1)] ?? IDLE_REREAD_MS)
      : IDLE_REREAD_MS;
    await this.ctx.storage.setAlarm(Math.min(now_ms + wait_ms, this.#earliestExpiry()));
  }

  /** Sets the alarm for the next reread, the first of a new series when an order is unfinished. */
  async #plan(orders: readonly OrderView[]): Promise<void> {
    const now_ms = Date.now();
    const isWaiting = orders.some(isUnfinished);
    if (isWaiting) this.#step = 1;
    const wait_ms = isWaiting ? (REREAD_MS[0] ?? 0) : IDLE_REREAD_MS;
    const at_ms = Math.min(now_ms + wait_ms, this.#earliestExpiry());
    const armed_ms = await this.ctx.storage.getAlarm();
    if (armed_ms !== null && armed_ms <= at_ms && armed_ms > now_ms - 5_000) return;
    await this.ctx.storage.setAlarm(Math.max(at_ms, now_ms));
  }

  #earliestExpiry(): number {
    return Math.min(...this.#open().map((socket) => attachmentOf(socket).expires_ms));
  }

  /** Nobody listens any more. Checked in turn, so that it never undoes the mark of a newcomer. */
  async #leave(customerId: string): Promise<void> {
    await this.#exclusively(async () => {
      if (this.#open().length === 0) await markAbsent(this.env.DB, customerId);
    });
  }

  /** One presence write after the other: two under way at once could reach D1 in either order. */
  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#presence.then(work);
    this.#presence = result.catch(() => undefined);
    return result;
  }

  #open(except?: WebSocket): WebSocket[] {
    return this.ctx
      .getWebSockets()
      .filter((socket) => socket !== except && socket.readyState === WebSocket.OPEN);
  }
}

function send(socket: WebSocket, message: FeedMessage): void {
  try {
    socket.send(JSON.stringify(message));
  } catch {
    // Closed in the meantime: its client comes back and gets a snapshot.
  }
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // Closed already.
  }
}

const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment();
