import type { OrderView } from "../order/order.ts";

/** What a feed, its clients and the Worker that passes them on agree about. */

/** The subprotocol of the feed's WebSockets. */
export const PROTOCOL = "lockstock.v1";

/** Close codes: 4401 as the contract says, the others from the IANA registry of RFC 6455. */
export const CLOSE = { unauthenticated: 4401, tryAgainLater: 1013, internal: 1011 } as const;

/** What a feed says. */
export type FeedMessage =
  | { type: "snapshot"; orders: OrderView[]; truncated: boolean }
  | { type: "order"; order: OrderView };

/** Kept with each socket through hibernation. */
export interface Attachment {
  customerId: string;
  /** When the token runs out, and the socket with it. */
  expires_ms: number;
}

/** What the Worker passes on with the upgrade; it has checked the token. */
export interface Connect extends Attachment {
  since_ms: number | null;
}
export const CONNECT_HEADER = "x-lockstock-connect";
/** Status of the feed's answer to a socket past its limit; the Worker closes that one. */
export const TOO_MANY_SOCKETS = 429;
/** A customer id may have any letters, a header only Latin ones. */
export const encodeConnect = (connect: Connect): string =>
  encodeURIComponent(JSON.stringify(connect));
export const decodeConnect = (text: string): Connect => JSON.parse(decodeURIComponent(text));
