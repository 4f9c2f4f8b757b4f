import type { LockstockProblem } from "./problem.ts";
import type { Order } from "./types.ts";

/**
 * `polling`: without a socket, but reading the orders over HTTP succeeds. `busy`: the server answers
 * that it does not read them for now (429 or 5xx). `offline`: there is no answer.
 */
export type Connection = "connecting" | "live" | "polling" | "busy" | "offline" | "closed";

export interface FeedOptions {
  /** Gets each order once for each of its revisions, and never an older one after a newer one. */
  onOrder: (order: Order) => void;
  /** Gets each change of the connection, which is `connecting` at first. */
  onConnection?: ((connection: Connection) => void) | undefined;
  /** The feed is over, for instance because the token is no longer valid. Not called by `close`. */
  onEnd?: ((problem: LockstockProblem) => void) | undefined;
  /** Shows also the orders updated since then, such as the newest `updatedAt` that you know. */
  since?: string | undefined;
  /**
   * How many of the newest orders it reads over HTTP, first and while there is no socket: 1 to 100,
   * by default 20.
   */
  newest?: number | undefined;
  /** Aborting closes the feed. */
  signal?: AbortSignal | undefined;
}

export interface Feed {
  readonly connection: Connection;
  close(): void;
}

/** The part of a `WebSocket` that the feed uses. */
export interface WebSocketLike {
  readonly readyState: number;
  send(data: string): void;
  close(): void;
  addEventListener(type: "message", listener: (event: { data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { code: number }) => void): void;
}

/** Each call ends when the signal is aborted. */
export interface FeedPorts {
  /** Opens the feed's WebSocket. */
  open(since: string | null, protocols: string[]): WebSocketLike;
  /** A ticket for one socket. Throws `LockstockProblem`, or what the token's function throws. */
  ticket(signal: AbortSignal): Promise<string>;
  /** Reads the newest orders over HTTP. */
  read(limit: number, signal: AbortSignal): Promise<readonly Order[]>;
  /** Reads as many orders as the client's limits allow, newest first. */
  readAll(signal: AbortSignal): Promise<readonly Order[]>;
}
