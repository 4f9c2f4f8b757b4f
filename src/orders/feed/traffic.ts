/** What may wait unread for one socket, by what it was sent. No I/O. */

/**
 * Bytes sent to a socket since the last sign of its client. The runtime keeps what a client does not
 * read in memory, and does not say how much that is.
 */
export const MAX_UNREAD_BYTES = 262_144;
/**
 * Bytes sent to a socket in all. A sign does not prove that the client has read: a `ping` arrives also
 * while its sender reads nothing. So a socket ends after this many bytes, and its client reconnects.
 */
export const MAX_SOCKET_BYTES = 1_048_576;

export interface Traffic {
  /** When the client's last sign was that is counted here. */
  sign_ms: number;
  /** Sent since that sign. */
  unread_bytes: number;
  /** Sent since the socket was opened. */
  total_bytes: number;
}

export const NO_TRAFFIC: Traffic = { sign_ms: 0, unread_bytes: 0, total_bytes: 0 };

/** What a message would be the last straw for. */
export type Excess = "unread" | "total";

/** The traffic with one more message, or which limit this message would exceed. */
export function withMessage(
  { sign_ms: known_ms, unread_bytes, total_bytes }: Traffic,
  bytes: number,
  lastSign_ms: number,
): Traffic | Excess {
  // A sign is compared before each message, so a new one came after all earlier messages.
  const sign_ms = Math.max(known_ms, lastSign_ms);
  const unread = (sign_ms > known_ms ? 0 : unread_bytes) + bytes;
  if (unread > MAX_UNREAD_BYTES) return "unread";
  if (total_bytes + bytes > MAX_SOCKET_BYTES) return "total";
  return { sign_ms, unread_bytes: unread, total_bytes: total_bytes + bytes };
}
