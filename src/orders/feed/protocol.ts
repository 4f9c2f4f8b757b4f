import type { OrderView } from "../order/order.ts";

/** The WebSocket subprotocol of the feed. */
export const PROTOCOL = "lockstock.v1";

/** Close codes: 4401 is of this API, the others are in the IANA registry of RFC 6455. */
export const CLOSE = { unauthenticated: 4401, tryAgainLater: 1013, internal: 1011 } as const;

/** The messages that a feed sends. */
export type FeedMessage =
  | { type: "snapshot"; orders: OrderView[]; truncated: boolean }
  | { type: "order"; order: OrderView };

/** The data of a socket that survives hibernation. */
export interface Attachment {
  customerId: string;
  /** When the token expires and the feed closes the socket. */
  expires_ms: number;
}

/** What the Worker sends to the feed with an upgrade, after it has verified the token. */
export interface Connect extends Attachment {
  since_ms: number | null;
}
export const CONNECT_HEADER = "x-lockstock-connect";
/** The feed's status for a socket above the limit; the Worker then closes the socket. */
export const TOO_MANY_SOCKETS = 429;
/** Percent-encoded, because a customer id may have any characters and a header only Latin ones. */
export const encodeConnect = (connect: Connect): string =>
  encodeURIComponent(JSON.stringify(connect));
export const decodeConnect = (text: string): Connect => JSON.parse(decodeURIComponent(text));
