import { DurableObject } from "cloudflare:workers";
import { ensureAlarmBy } from "../../runtime/alarm.ts";
import { errorText, log, traces } from "../../runtime/log.ts";
import { TokenBucket } from "../../runtime/token-bucket.ts";
import { booleanVar } from "../../runtime/vars.ts";
import { withTimeLimits } from "../database/d1.ts";
import { isUnfinished, type OrderView, traceOf, viewOf } from "../order/order.ts";
import { openFeed, rereadOrders } from "./presence.sql.ts";
import { Presence, PRESENCE_MS } from "./presence.ts";
import {
  BAD_TICKET,
  CLOSE,
  type Connect,
  CONNECT_HEADER,
  decodeConnect,
  PROTOCOL,
  TICKET_HEADER,
  type TicketConnect,
  TOO_MANY_SOCKETS,
} from "./protocol.ts";
import { PushedRevisions } from "./pushed-revisions.ts";
import { IDLE_REREAD_MS, LastReread, REREAD_MS, rereadAfter } from "./reread.ts";
import { SnapshotReads } from "./snapshot-reads.ts";
import { orderMessage, snapshotMessage } from "./snapshot.ts";
import { attachmentOf, FeedSockets } from "./sockets.ts";
import { Tickets } from "./tickets.ts";

/** Sockets, or tickets, that a customer may ask for at once, and so long until one more. */
const [BURST, REFILL_MS] = [16, 2_000];
/** Tolerated error of `since`, which clients take from their own clocks. */
const CLOCK_SKEW_MS = 60_000;

/** One customer's WebSockets. It hibernates between events and stores no orders: D1 has them. */
export class CustomerFeed extends DurableObject<OrdersEnv> {
  readonly #sockets = new FeedSockets(this.ctx);
  readonly #tickets = new Tickets(this.ctx.storage);
  /** Sockets that wait for their snapshot, with the orders pushed to each in the meantime. */
  readonly #snapshotBuffers = new Map<WebSocket, Map<string, OrderView>>();
  readonly #pushed = new PushedRevisions();
  readonly #lastReread = new LastReread(this.ctx.storage.kv);
  readonly #openings = new TokenBucket(BURST, REFILL_MS);
  readonly #ticketIssues = new TokenBucket(BURST, REFILL_MS);
  readonly #presence = new Presence({
    kv: this.ctx.storage.kv,
    db: () => this.env.DB,
    isEmpty: () => this.#sockets.open().length === 0,
    onAbsent: () => this.#lastReread.forget(),
  });
  readonly #snapshots = new SnapshotReads((read) => this.#presence.inSequence(read));

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
  }

  override async fetch({ headers }: Request): Promise<Response> {
    const connect = await this.#connectFrom(headers);
    if (connect === null) return new Response(null, { status: BAD_TICKET });
    // Not accepted and closed: a client that never answers the close would keep its socket here.
    if (!this.#sockets.canAccept(Date.now()) || !this.#isWithin(this.#openings))
      return new Response(null, { status: TOO_MANY_SOCKETS });
    const { 0: client, 1: server } = new WebSocketPair();
    this.#sockets.accept(server, connect, Date.now());
    this.#presence.opened();
    await this.#sendSnapshot(server, connect);
    // The response names only the protocol version, never the subprotocol that carries the token.
    const isNegotiated = headers.has("Sec-WebSocket-Protocol");
    const protocol = new Headers(isNegotiated ? { "Sec-WebSocket-Protocol": PROTOCOL } : {});
    return new Response(null, { status: 101, webSocket: client, headers: protocol });
  }

  /** What the Worker has verified, or what a ticket stands for; null: the ticket is not valid. */
  async #connectFrom(headers: Headers): Promise<Connect | null> {
    const ticket = headers.get(TICKET_HEADER);
    if (ticket === null) return decodeConnect<Connect>(headers.get(CONNECT_HEADER) ?? "");
    const { secret, ...connect } = decodeConnect<TicketConnect>(ticket);
    const expires_ms = await this.#tickets.redeem(secret, Date.now());
    return expires_ms === null ? null : { ...connect, expires_ms };
  }

  /** Issues a ticket for a token that expires then; null: too many were asked for. */
  async issueTicket(expires_ms: number): Promise<{ secret: string; until_ms: number } | null> {
    if (!this.#isWithin(this.#ticketIssues)) return null;
    const ticket = await this.#tickets.issue(expires_ms, Date.now());
    await ensureAlarmBy(this.ctx.storage, ticket.until_ms, Date.now()); // which deletes it
    return ticket;
  }

  #isWithin(limit: TokenBucket): boolean {
    return !booleanVar("RATE_LIMIT", this.env.RATE_LIMIT) || limit.tryTake(Date.now());
  }

  async #sendSnapshot(socket: WebSocket, { customerId, since_ms }: Connect): Promise<void> {
    const buffered = new Map<string, OrderView>();
    this.#snapshotBuffers.set(socket, buffered);
    const now_ms = Date.now();
    const from_ms = since_ms === null ? null : since_ms - CLOCK_SKEW_MS;
    this.#presence.remember(customerId);
    try {
      const { orders, isTruncated } = await this.#snapshots.since(from_ms, (since) =>
        openFeed(this.env.DB, customerId, { since_ms: since, now_ms }),
      );
      // The read may be shared with a socket that asks for more.
      const own = orders.filter(
        (order) => isUnfinished(order) || (from_ms !== null && order.updatedAt_ms >= from_ms),
      );
      const { text, shown } = snapshotMessage(own.map(viewOf), isTruncated);
      this.#sockets.send(socket, text);
      const revisions = new Map(shown.map(({ id, revision }) => [id, revision]));
      for (const order of buffered.values()) {
        if (order.revision > (revisions.get(order.id) ?? 0)) {
          this.#sockets.send(socket, orderMessage(order));
        }
      }
      // No `await` since the loop above, so no push gets lost between the buffer and the socket.
      this.#snapshotBuffers.delete(socket);
      this.#lastReread.opened(now_ms, this.#sockets.open(socket).length);
      await this.#scheduleReread([...shown, ...buffered.values()]);
    } catch (error) {
      log("error", "feed.open_failed", { customerId, error: errorText(error) });
      this.#sockets.end(socket, { code: CLOSE.internal, reason: "try again" });
      await this.#setAlarmWithin(IDLE_REREAD_MS, Date.now());
    } finally {
      this.#snapshotBuffers.delete(socket);
    }
  }

  /** Sends orders, which D1 already holds, to every open socket. An earlier version names no traces. */
  async push(orders: OrderView[], traceIds: string[] = []): Promise<void> {
    const [first] = orders;
    if (!first) return;
    if (this.#sockets.open().length === 0) {
      this.#presence.remember(first.customerId); // a crash may have left the mark behind
      return this.#becomeEmpty();
    }
    this.#broadcast(orders, traceIds);
    await this.#scheduleReread(orders);
  }

  /** Closes every socket: the customer is erased. */
  async disconnect(): Promise<void> {
    for (const socket of this.#sockets.open()) {
      this.#sockets.end(socket, { code: CLOSE.unauthenticated, reason: "erased" });
    }
    this.#tickets.deleteAll();
    await this.#setAlarmWithin(IDLE_REREAD_MS, Date.now());
  }

  #broadcast(orders: readonly OrderView[], traceIds: readonly string[]): void {
    this.#pushed.add(orders);
    const sockets = this.#sockets.open();
    const told = { sockets: sockets.length, ...traces(traceIds) };
    if (orders.length > 0) log("info", "feed.orders_sent", told);
    for (const order of orders) {
      const text = orderMessage(order);
      for (const socket of sockets) {
        const buffered = this.#snapshotBuffers.get(socket);
        const known = buffered?.get(order.id)?.revision ?? 0;
        if (!buffered) this.#sockets.send(socket, text);
        else if (order.revision > known) buffered.set(order.id, order);
      }
    }
  }

  override async webSocketMessage(socket: WebSocket): Promise<void> {
    this.#sockets.heard(socket, Date.now());
  }

  override async webSocketClose(socket: WebSocket, code: number, reason: string): Promise<void> {
    this.#sockets.gone(socket, code, reason);
    await this.#afterClose(socket);
  }

  override async webSocketError(socket: WebSocket): Promise<void> {
    this.#sockets.gone(socket, CLOSE.internal, "error");
    await this.#afterClose(socket);
  }

  async #afterClose(socket: WebSocket): Promise<void> {
    if (this.#sockets.open(socket).length === 0) return this.#becomeEmpty();
    await this.#setAlarmWithin(IDLE_REREAD_MS, Date.now());
  }

  /** The alarm marks the customer as absent a minute later, so that a reconnect writes nothing. */
  async #becomeEmpty(now_ms = Date.now()): Promise<void> {
    this.#presence.emptied(now_ms);
    await this.#setAlarmWithin(PRESENCE_MS, now_ms);
  }

  /** Rereads D1 and sends what has changed since, so that no change is lost with its push. */
  override async alarm(): Promise<void> {
    const now_ms = Date.now();
    if (this.#sockets.isStuck(now_ms)) return this.#reset(now_ms);
    try {
      this.#sockets.endExpired(now_ms);
      const [socket] = this.#sockets.open();
      const wait_ms = await (socket ? this.#reread(socket, now_ms) : this.#presence.leave(now_ms));
      await this.#setAlarmWithin(wait_ms, now_ms);
    } catch (error) {
      log("error", "feed.alarm_failed", { error: errorText(error) });
      await this.#setAlarmWithin(REREAD_MS[2], Date.now());
    }
  }

  /** Answers when to reread again. */
  async #reread(socket: WebSocket, now_ms: number): Promise<number> {
    const { customerId } = attachmentOf(socket);
    const range = { since_ms: this.#lastReread.since_ms(now_ms), now_ms };
    const { changed, unfinishedSince_ms } = await this.#presence.inSequence(() =>
      rereadOrders(this.env.DB, customerId, range),
    );
    // Sockets that have opened since have newer snapshots, so nobody needs a push twice.
    const missing = this.#pushed.missing(changed);
    this.#broadcast(missing.map(viewOf), missing.map(traceOf));
    this.#lastReread.store(now_ms);
    return rereadAfter(unfinishedSince_ms, now_ms);
  }

  /**
   * Ends this object and all its connections, for the sake of those whose clients neither read nor
   * answer a close: nothing else releases what the runtime keeps for them (seen on workerd: a close
   * frame waits behind what is unread). The customer's other clients reconnect.
   */
  async #reset(now_ms: number): Promise<void> {
    const { customerId } = this.#presence;
    log("warn", "feed.reset", { customerId, sockets: this.#sockets.count });
    await ensureAlarmBy(this.ctx.storage, now_ms + PRESENCE_MS, now_ms);
    await this.ctx.storage.sync();
    this.ctx.abort("clients of this feed do not read what they were sent");
  }

  /** Sets the alarm for the next reread, which comes soon if one of these orders is unfinished. */
  async #scheduleReread(orders: readonly OrderView[]): Promise<void> {
    const wait_ms = orders.some(isUnfinished) ? REREAD_MS[0] : IDLE_REREAD_MS;
    await this.#setAlarmWithin(wait_ms, Date.now());
  }

  /**
   * Makes sure that the alarm comes within this time and by what a socket or a ticket needs. An
   * earlier alarm stays: a push may have set it while a reread waited for D1.
   */
  async #setAlarmWithin(wait_ms: number, now_ms: number): Promise<void> {
    const ticket_ms = this.#tickets.prune(now_ms);
    const at_ms = Math.min(now_ms + wait_ms, this.#sockets.due_ms(now_ms), ticket_ms ?? Infinity);
    if (at_ms < Infinity) await ensureAlarmBy(this.ctx.storage, at_ms, now_ms);
  }
}
