import { type Attachment, CLOSE, type Connect } from "./protocol.ts";
import { bytesOf } from "./snapshot.ts";
import { type Excess, MAX_SOCKET_BYTES, NO_TRAFFIC, withMessage } from "./traffic.ts";

/**
 * How long a closed socket may stay unanswered. What its client has not read stays in memory until
 * then, and the close frame waits behind it.
 */
export const ANSWER_MS = 30_000;

/** Sockets per customer. */
const MAX_SOCKETS = 8;
/** After so long without a sign, a socket's client may have vanished: it is to ping every 20 s. */
const SILENT_MS = 120_000;

/** Close codes that an endpoint must not send (RFC 6455, 7.4.1). */
const RECEIVE_ONLY_CODES = new Set([1005, 1006, 1015]);

const END: Record<Excess | "silent", { code: number; reason: string }> = {
  unread: { code: CLOSE.tryAgainLater, reason: "the client does not read" },
  total: { code: CLOSE.restart, reason: "connect again" },
  silent: { code: CLOSE.tryAgainLater, reason: "the client does not ping" },
};

type Ctx = Pick<
  DurableObjectState,
  "acceptWebSocket" | "getWebSockets" | "getWebSocketAutoResponseTimestamp"
>;

/** The sockets of one feed, with what each was sent. All of it survives hibernation but `#gone_bytes`. */
export class FeedSockets {
  readonly #ctx: Ctx;
  /**
   * Sent to sockets that are gone. The runtime keeps what such a client has not read for as long as
   * the connection lasts, and shows neither. With such a rest the object does not hibernate.
   */
  #gone_bytes = 0;

  constructor(ctx: Ctx) {
    this.#ctx = ctx;
  }

  /** Accepts a socket. Without a place for it, it gets the place of one whose client is silent. */
  accept(socket: WebSocket, connect: Connect, now_ms: number): void {
    const silent = this.#isFull ? this.#longestSilent(now_ms) : undefined;
    if (silent) {
      silent.serializeAttachment({ ...attachmentOf(silent), isVacated: true } satisfies Attachment);
      this.end(silent, END.silent);
    }
    this.#ctx.acceptWebSocket(socket);
    const { customerId, expires_ms } = connect;
    socket.serializeAttachment({ customerId, expires_ms, opened_ms: now_ms } satisfies Attachment);
  }

  /** Whether `accept` may be called. */
  canAccept(now_ms: number): boolean {
    return !this.#isFull || this.#longestSilent(now_ms) !== undefined;
  }

  /** Also those that are closed and whose clients have not answered: they still cost memory. */
  get count(): number {
    return this.#ctx.getWebSockets().length;
  }

  /** A vacated socket has no place, also if nobody answers its close: `isStuck` sees to it. */
  get #isFull(): boolean {
    const sockets = this.#ctx.getWebSockets();
    return sockets.filter((socket) => !attachmentOf(socket).isVacated).length >= MAX_SOCKETS;
  }

  /** The open socket whose client has given no sign for the longest time, if that is too long. */
  #longestSilent(now_ms: number): WebSocket | undefined {
    let found: WebSocket | undefined;
    let longest_ms = SILENT_MS;
    for (const socket of this.open()) {
      const silent_ms = this.#silence_ms(socket, now_ms);
      if (silent_ms > longest_ms) [found, longest_ms] = [socket, silent_ms];
    }
    return found;
  }

  /** Since the last sign. One that a clock has dated ahead does not keep a socket until that time. */
  #silence_ms(socket: WebSocket, now_ms: number): number {
    const { opened_ms, traffic } = attachmentOf(socket);
    const signs_ms = [opened_ms, traffic?.sign_ms ?? 0, this.#pinged_ms(socket)];
    return Math.min(...signs_ms.map((sign_ms) => Math.abs(now_ms - sign_ms)));
  }

  /** When the runtime last answered a ping of this socket; 0: never. */
  #pinged_ms(socket: WebSocket): number {
    return this.#ctx.getWebSocketAutoResponseTimestamp(socket)?.getTime() ?? 0;
  }

  open(except?: WebSocket): WebSocket[] {
    return this.#ctx
      .getWebSockets()
      .filter((socket) => socket !== except && socket.readyState === WebSocket.OPEN);
  }

  /** Sends a message, or ends the socket if too much would wait for its client. */
  send(socket: WebSocket, text: string): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    const attachment = attachmentOf(socket);
    const pinged_ms = this.#pinged_ms(socket);
    const traffic = withMessage(attachment.traffic ?? NO_TRAFFIC, bytesOf(text), pinged_ms);
    if (typeof traffic === "string") return this.end(socket, END[traffic]);
    try {
      socket.send(text);
      socket.serializeAttachment({ ...attachment, traffic } satisfies Attachment);
    } catch {
      // The socket has closed in the meantime; its client reconnects and gets a snapshot.
    }
  }

  /** A message of the client is a sign, as a ping is. */
  heard(socket: WebSocket, now_ms: number): void {
    const attachment = attachmentOf(socket);
    const traffic = { ...(attachment.traffic ?? NO_TRAFFIC), sign_ms: now_ms, unread_bytes: 0 };
    socket.serializeAttachment({ ...attachment, traffic } satisfies Attachment);
  }

  /** Closes the socket from this end. */
  end(socket: WebSocket, { code, reason }: { code: number; reason: string }): void {
    const attachment = attachmentOf(socket);
    socket.serializeAttachment({ ...attachment, closed_ms: Date.now() } satisfies Attachment);
    close(socket, code, reason);
  }

  /** The client has closed the socket, or is gone. */
  gone(socket: WebSocket, code: number, reason: string): void {
    this.#gone_bytes += attachmentOf(socket).traffic?.total_bytes ?? 0;
    // The runtime does not answer a close frame; without this the client would see 1006.
    close(socket, RECEIVE_ONLY_CODES.has(code) ? 1000 : code, reason);
  }

  endExpired(now_ms: number): void {
    for (const socket of this.open()) {
      if (attachmentOf(socket).expires_ms > now_ms) continue;
      this.end(socket, { code: CLOSE.unauthenticated, reason: "the token has expired" });
    }
  }

  /** When something has to be done about a socket; infinite: never. */
  due_ms(now_ms: number): number {
    if (this.#gone_bytes > MAX_SOCKET_BYTES) return now_ms;
    const times = this.#ctx.getWebSockets().map((socket) => {
      const { closed_ms, expires_ms } = attachmentOf(socket);
      return closed_ms === undefined ? expires_ms : closed_ms + ANSWER_MS;
    });
    return Math.min(...times);
  }

  /** Whether clients may hold memory that only a reset of the object releases. */
  isStuck(now_ms: number): boolean {
    if (this.#gone_bytes > MAX_SOCKET_BYTES) return true;
    return this.#ctx.getWebSockets().some((socket) => {
      const { closed_ms } = attachmentOf(socket);
      return closed_ms !== undefined && closed_ms + ANSWER_MS <= now_ms;
    });
  }
}

function close(socket: WebSocket, code: number, reason: string): void {
  try {
    socket.close(code, reason);
  } catch {
    // The socket is closed already.
  }
}

export const attachmentOf = (socket: WebSocket): Attachment => socket.deserializeAttachment();
