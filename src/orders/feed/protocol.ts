import type { OrderView } from "../order/order.ts";
import type { Traffic } from "./traffic.ts";

/** The WebSocket subprotocol of the feed. */
export const PROTOCOL = "lockstock.v1";

/** Close codes: 4401 is of this API, the others are in the IANA registry of RFC 6455. */
export const CLOSE = {
  unauthenticated: 4401,
  tryAgainLater: 1013,
  restart: 1012,
  internal: 1011,
} as const;

/** The messages that a feed sends. */
export type FeedMessage =
  | { type: "snapshot"; orders: OrderView[]; truncated: boolean }
  | { type: "order"; order: OrderView };

/** The data of a socket that survives hibernation, at most 16 KB. It is kept in memory, not on disk. */
export interface Attachment {
  customerId: string;
  /** When the token expires and the feed closes the socket. */
  expires_ms: number;
  opened_ms: number;
  /** Absent: nothing was sent. */
  traffic?: Traffic;
  /** When the feed has closed it; absent: it has not. */
  closed_ms?: number;
  /** Its client was silent, so another socket has its place. */
  isVacated?: true;
}

/** What the Worker sends to the feed with an upgrade, after it has verified the token. */
export interface Connect {
  customerId: string;
  expires_ms: number;
  since_ms: number | null;
}
export const CONNECT_HEADER = "x-lockstock-connect";

/**
 * What it sends when the caller has a ticket, which only the feed can verify. It has a header of its
 * own: a feed of an earlier version, which verifies no tickets, does not understand it.
 */
export interface TicketConnect {
  customerId: string;
  secret: string;
  since_ms: number | null;
}
export const TICKET_HEADER = "x-lockstock-ticket";

/** The feed's status for a ticket that is not valid; the Worker then closes the socket. */
export const BAD_TICKET = 401;
/** The feed's status for a socket above a limit; the Worker then closes the socket. */
export const TOO_MANY_SOCKETS = 429;

/** Percent-encoded, because a customer id may have any characters and a header only Latin ones. */
export const encodeConnect = (connect: Connect | TicketConnect): string =>
  encodeURIComponent(JSON.stringify(connect));
export const decodeConnect = <C extends Connect | TicketConnect>(text: string): C =>
  JSON.parse(decodeURIComponent(text));
