import { DurableObject } from "cloudflare:workers";
import { ensureAlarmBy } from "../../runtime/alarm.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { withTimeLimits } from "../database/d1.ts";
import { isUnfinished, type OrderView, viewOf } from "../order/order.ts";
import { rereadOrders, markAbsent, openFeed } from "./presence.sql.ts";
import {
  type Attachment,
  CLOSE,
  type Connect,
  CONNECT_HEADER,
  decodeConnect,
  type FeedMessage,
  TOO_MANY_SOCKETS,
  PROTOCOL,
} from "./protocol.ts";

/** Sockets one customer may have open. */
const MAX_SOCKETS = 64;
/** Clients ask for what changed since their own clock's time; it may be wrong by this much. */
const CLOCK_SKEW_MS = 60_000;
/** Waits between rereads while an order is unfinished; the last repeats. */
const REREAD_MS = [5_000, 15_000, 60_000] as const;
/** With nothing unfinished: a change whose push was lost is still found. */
const IDLE_REREAD_MS = 300_000;
const DB_TIMEOUT_MS = 10_000;

/** Codes that a client may see but nobody may send (RFC 6455, 7.4.1). */
const RECEIVE_ONLY_CODES = new Set([1005, 1006, 1015]);

/** Key in the object's storage: when D1 was last reread successfully. */
const REREAD_AT_KEY = "looked_at";

/** One customer's WebSockets. Hibernates between events; D1 stays the truth, this only tells it. */
export class CustomerFeed extends DurableObject<OrdersEnv> {
  /** Sockets whose snapshot is being read, with what was pushed meanwhile. */
  readonly #snapshotBuffers = new Map<WebSocket, Map<string, OrderView>>();
  #lastPresenceWrite: Promise<unknown> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  override async fetch(request: Request): Promise<Response> {
    const connect = decodeConnect(request.headers.get(CONNECT_HEADER) ?? "");
    // Not accepted here: a client that never answers the close would stay with this object.
    if (this.#openSockets().length >= MAX_SOCKETS)
      return new Response(null, { status: TOO_MANY_SOCKETS });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const { customerId, expires_ms } = connect;
    server.serializeAttachment({ customerId, expires_ms } satisfies Attachment);
    await this.#sendSnapshot(server, connect);
    // Only the version is echoed, never the subprotocol that carried the token.
    const isNegotiated = request.headers.has("Sec-WebSocket-Protocol");
    const headers = new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  async #sendSnapshot(socket: WebSocket, { customerId, since_ms }: Connect): Promise<void> {
    const missed = new Map<string, OrderView>();
    this.#snapshotBuffers.set(socket, missed);
    const now_ms = Date.now();
    const from_ms = since_ms === null ? null : since_ms - CLOCK_SKEW_MS;
    try {
      const { orders: shown, isTruncated } = await this.#inSequence(() =>
        openFeed(this.env.DB, customerId, { since_ms: from_ms, now_ms }),
      );
      const orders = shown.map(viewOf);
      send(socket, { type: "snapshot", orders, truncated: isTruncated });
      const revisions = new Map(orders.map(({ id, revision }) => [id, revision]));
      for (const order of missed.values()) {
        if (order.revision > (revisions.get(order.id) ?? 0)) send(socket, { type: "order", order });
      }
      // In the same turn: whatever is pushed from now on goes straight to the socket.
      this.#snapshotBuffers.delete(socket);
      if (this.#openSockets(socket).length === 0) this.ctx.storage.kv.put(REREAD_AT_KEY, now_ms);
      await this.#scheduleReread([...orders, ...missed.values()]);
    } catch (error) {
      log("error", "feed.unopened", { customerId, error: errorText(error) });
      close(socket, CLOSE.internal, "try again");
    } finally {
      this.#snapshotBuffers.delete(socket);
    }
  }

  /** Tells these orders, which are durable, to every socket. */
  async push(orders: OrderView[]): Promise<void> {
    const [first] = orders;
    if (first === undefined) return;
    if (this.#openSockets().length === 0) return this.#markAbsentIfEmpty(first.customerId);
    this.#broadcast(orders);
    await this.#scheduleReread(orders);
  }

  #broadcast(orders: readonly OrderView[]): void {
    for (const socket of this.#openSockets()) {
      const missed = this.#snapshotBuffers.get(socket);
      for (const order of orders) {
        if (!missed) send(socket, { type: "order", order });
        else if (order.revision > (missed.get(order.id)?.revision ?? 0))
          missed.set(order.id, order);
      }
    }
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    // The runtime does not answer the close by itself; without this the client sees 1006.
    close(socket, RECEIVE_ONLY_CODES.has(code) ? 1000 : code, reason);
    await this.#afterClose(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    close(socket, CLOSE.internal, "error");
    await this.#afterClose(socket);
  }

  async #afterClose(socket: WebSocket): Promise<void> {
    const { customerId } = attachmentOf(socket);
    if (this.#openSockets(socket).length > 0) return;
    try {
      await this.#markAbsentIfEmpty(customerId);
    } catch (error) {
      // The mark stays: it costs a call of this feed, which then takes it off.
      log("warn", "feed.still_marked", { customerId, error: errorText(error) });
    }
  }

  /** Rereads D1 and tells what is newer, so that a push that was lost is made up for. */
  override async alarm(): Promise<void> {
    try {
      await this.#reread(Date.now());
    } catch (error) {
      log("error", "feed.alarm_failed", { error: errorText(error) });
      await this.#setAlarmWithin(REREAD_MS[2], Date.now());
    }
  }

  async #reread(now_ms: number): Promise<void> {
    for (const socket of this.#openSockets()) {
      if (attachmentOf(socket).expires_ms > now_ms) continue;
      close(socket, CLOSE.unauthenticated, "the token has run out");
    }
    const [socket] = this.#openSockets();
    if (!socket) return;
    const { customerId } = attachmentOf(socket);
    const lookedAt_ms = this.ctx.storage.kv.get<number>(REREAD_AT_KEY) ?? now_ms - IDLE_REREAD_MS;
    const since_ms = lookedAt_ms - CLOCK_SKEW_MS;
    const { changed, unfinishedSince_ms } = await this.#inSequence(() =>
      rereadOrders(this.env.DB, customerId, { since_ms, now_ms }),
    );
    this.#broadcast(changed.map(viewOf));
    // Only now: a look that failed is made up for by the next one.
    this.ctx.storage.kv.put(REREAD_AT_KEY, now_ms);
    await this.#setAlarmWithin(rereadAfter(unfinishedSince_ms, now_ms), now_ms);
  }

  /** Sets the alarm for the next reread, soon when an order is unfinished. */
  async #scheduleReread(orders: readonly OrderView[]): Promise<void> {
    const now_ms = Date.now();
    const wait_ms = orders.some(isUnfinished) ? REREAD_MS[0] : IDLE_REREAD_MS;
    await this.#setAlarmWithin(wait_ms, now_ms);
  }

  /**
   * Sees to it that the alarm comes within this time, and by the earliest end of a token. An alarm
   * that is set for earlier stays: a push may have asked for it while a reread waited for D1.
   */
  async #setAlarmWithin(wait_ms: number, now_ms: number): Promise<void> {
    await ensureAlarmBy(
      this.ctx.storage,
      Math.min(now_ms + wait_ms, this.#earliestExpiry()),
      now_ms,
    );
  }

  #earliestExpiry(): number {
    return Math.min(...this.#openSockets().map((socket) => attachmentOf(socket).expires_ms));
  }

  /** Nobody listens any more. Checked in turn, so that it never undoes the mark of a newcomer. */
  async #markAbsentIfEmpty(customerId: string): Promise<void> {
    await this.#inSequence(async () => {
      if (this.#openSockets().length === 0) await markAbsent(this.env.DB, customerId);
    });
  }

  /**
   * One presence write after the other: two under way at once could reach D1 in either order. The
   * caller waits for its turn and for D1 together, `DB_TIMEOUT_MS` at most.
   */
  #inSequence<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#lastPresenceWrite.then(work);
    this.#lastPresenceWrite = result.catch(() => undefined);
    return withTimeout(DB_TIMEOUT_MS, () => result, "D1");
  }

  #openSockets(except?: WebSocket): WebSocket[] {
    return this.ctx
      .getWebSockets()
      .filter((socket) => socket !== except && socket.readyState === WebSocket.OPEN);
  }
}

/** From how long ago an unfinished order moved: memory would not survive hibernation. */
function rereadAfter(unfinishedSince_ms: number | null, now_ms: number): number {
  if (unfinishedSince_ms === null) return IDLE_REREAD_MS;
  const [soon, later, latest] = REREAD_MS;
  const age_ms = now_ms - unfinishedSince_ms;
  if (age_ms < soon) return soon;
  return age_ms < soon + later ? later : latest;
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
