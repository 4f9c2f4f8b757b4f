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

/** Open sockets per customer. */
const MAX_SOCKETS = 64;
/** Tolerated error of `since`, which clients take from their own clocks. */
const CLOCK_SKEW_MS = 60_000;
/** Waits between rereads of D1 while an order is unfinished; the last one repeats. */
const REREAD_MS = [5_000, 15_000, 60_000] as const;
/** While no order is unfinished, this reread finds a change whose push was lost. */
const IDLE_REREAD_MS = 300_000;
const DB_TIMEOUT_MS = 10_000;

/** Close codes that an endpoint must not send (RFC 6455, 7.4.1). */
const RECEIVE_ONLY_CODES = new Set([1005, 1006, 1015]);

/** Storage key: when D1 was last reread successfully. */
const REREAD_AT_KEY = "looked_at";

/** One customer's WebSockets. It hibernates between events and stores no orders: D1 has them. */
export class CustomerFeed extends DurableObject<OrdersEnv> {
  /** Sockets that wait for their snapshot, with the orders pushed to each in the meantime. */
  readonly #snapshotBuffers = new Map<WebSocket, Map<string, OrderView>>();
  #lastPresenceWrite: Promise<unknown> = Promise.resolve();

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  override async fetch(request: Request): Promise<Response> {
    const connect = decodeConnect(request.headers.get(CONNECT_HEADER) ?? "");
    // Not accepted and closed: a client that never answers the close would keep its socket here.
    if (this.#openSockets().length >= MAX_SOCKETS)
      return new Response(null, { status: TOO_MANY_SOCKETS });
    const { 0: client, 1: server } = new WebSocketPair();
    this.ctx.acceptWebSocket(server);
    const { customerId, expires_ms } = connect;
    server.serializeAttachment({ customerId, expires_ms } satisfies Attachment);
    await this.#sendSnapshot(server, connect);
    // The response names only the protocol version, never the subprotocol that carries the token.
    const isNegotiated = request.headers.has("Sec-WebSocket-Protocol");
    const headers = new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
    return new Response(null, { status: 101, webSocket: client, headers });
  }

  async #sendSnapshot(socket: WebSocket, { customerId, since_ms }: Connect): Promise<void> {
    const buffered = new Map<string, OrderView>();
    this.#snapshotBuffers.set(socket, buffered);
    const now_ms = Date.now();
    const from_ms = since_ms === null ? null : since_ms - CLOCK_SKEW_MS;
    try {
      const { orders: shown, isTruncated } = await this.#inSequence(() =>
        openFeed(this.env.DB, customerId, { since_ms: from_ms, now_ms }),
      );
      const orders = shown.map(viewOf);
      send(socket, { type: "snapshot", orders, truncated: isTruncated });
      const revisions = new Map(orders.map(({ id, revision }) => [id, revision]));
      for (const order of buffered.values()) {
        if (order.revision > (revisions.get(order.id) ?? 0)) send(socket, { type: "order", order });
      }
      // No `await` since the loop above, so no push gets lost between the buffer and the socket.
      this.#snapshotBuffers.delete(socket);
      if (this.#openSockets(socket).length === 0) this.ctx.storage.kv.put(REREAD_AT_KEY, now_ms);
      await this.#scheduleReread([...orders, ...buffered.values()]);
    } catch (error) {
      log("error", "feed.open_failed", { customerId, error: errorText(error) });
      close(socket, CLOSE.internal, "try again");
    } finally {
      this.#snapshotBuffers.delete(socket);
    }
  }

  /** Sends orders, which D1 already holds, to every open socket. */
  async push(orders: OrderView[]): Promise<void> {
    const [first] = orders;
    if (first === undefined) return;
    if (this.#openSockets().length === 0) return this.#markAbsentIfEmpty(first.customerId);
    this.#broadcast(orders);
    await this.#scheduleReread(orders);
  }

  /** Closes every socket: the customer is erased. */
  async disconnect(): Promise<void> {
    for (const socket of this.#openSockets()) close(socket, CLOSE.unauthenticated, "erased");
  }

  #broadcast(orders: readonly OrderView[]): void {
    for (const socket of this.#openSockets()) {
      const buffered = this.#snapshotBuffers.get(socket);
      for (const order of orders) {
        const known = buffered?.get(order.id)?.revision ?? 0;
        if (!buffered) send(socket, { type: "order", order });
        else if (order.revision > known) buffered.set(order.id, order);
      }
    }
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    // The runtime does not answer a close frame; without this the client would see 1006.
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
      // The mark stays until the next push, which finds no open socket and deletes it.
      log("warn", "presence.clear_failed", { customerId, error: errorText(error) });
    }
  }

  /** Rereads D1 and sends what has changed since, so that no change is lost with its push. */
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
      close(socket, CLOSE.unauthenticated, "the token has expired");
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
    // Stored only after success, so that the reread after a failed one covers its time too.
    this.ctx.storage.kv.put(REREAD_AT_KEY, now_ms);
    await this.#setAlarmWithin(rereadAfter(unfinishedSince_ms, now_ms), now_ms);
  }

  /** Sets the alarm for the next reread, which comes soon if one of these orders is unfinished. */
  async #scheduleReread(orders: readonly OrderView[]): Promise<void> {
    const wait_ms = orders.some(isUnfinished) ? REREAD_MS[0] : IDLE_REREAD_MS;
    await this.#setAlarmWithin(wait_ms, Date.now());
  }

  /**
   * Makes sure that the alarm comes within this time and by the earliest expiry of a token. An
   * earlier alarm stays: a push may have set it while a reread waited for D1.
   */
  async #setAlarmWithin(wait_ms: number, now_ms: number): Promise<void> {
    const expiry_ms = Math.min(
      ...this.#openSockets().map((socket) => attachmentOf(socket).expires_ms),
    );
    await ensureAlarmBy(this.ctx.storage, Math.min(now_ms + wait_ms, expiry_ms), now_ms);
  }

  /** Runs in sequence with `openFeed`, so that it never deletes the mark of a new socket. */
  async #markAbsentIfEmpty(customerId: string): Promise<void> {
    await this.#inSequence(async () => {
      if (this.#openSockets().length === 0) await markAbsent(this.env.DB, customerId);
    });
  }

  /**
   * Runs presence writes one after another, because concurrent ones could reach D1 in either order.
   * The time limit covers both the wait for earlier writes and the call of D1.
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

/** Derives the wait from the time of the last transition, since hibernation clears any counter. */
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
    // The socket has closed in the meantime; its client reconnects and gets a snapshot.
  }
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // The socket is closed already.
  }
}

const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment();
