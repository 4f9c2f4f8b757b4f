/** Tickets: what a browser opens its feed with in place of its token. */

/** From its issue; long enough for a slow handshake. */
export const TICKET_MS = 60_000;
/** Unused tickets of one customer. One more replaces the oldest. */
const MAX_TICKETS = 16;
const SECRET_BYTES = 16;
/**
 * A ticket is `<customer id>~<secret>`, both in base64url: characters that a subprotocol may have
 * (RFC 6455, 4.1), and no token has a `~`. A customer id has at most 255 UTF-16 units, 765 bytes.
 */
const SEPARATOR = "~";
const MAX_TICKET_CHARS = 1_100;
const STORAGE_KEY = "tickets";

interface StoredTicket {
  /** SHA-256 of the secret, in hex. */
  hash: string;
  /** When the ticket can no longer be used. */
  until_ms: number;
  /** When the token expires that the ticket was issued for. */
  expires_ms: number;
}

export interface Ticket {
  customerId: string;
  secret: string;
}

export const encodeTicket = ({ customerId, secret }: Ticket): string =>
  base64Url(new TextEncoder().encode(customerId)) + SEPARATOR + secret;

/** Null: this is no ticket, but maybe a token. */
export function decodeTicket(text: string): Ticket | null {
  const [name = "", secret, ...rest] = text.split(SEPARATOR);
  if (secret === undefined || rest.length > 0 || text.length > MAX_TICKET_CHARS) return null;
  try {
    const bytes = Uint8Array.from(atob(name.replaceAll("-", "+").replaceAll("_", "/")), (char) =>
      char.charCodeAt(0),
    );
    const customerId = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return { customerId, secret };
  } catch {
    return null;
  }
}

/** The tickets of one customer, in the storage of the customer's feed. */
export class Tickets {
  readonly #storage: Pick<DurableObjectStorage, "kv">;

  constructor(storage: Pick<DurableObjectStorage, "kv">) {
    this.#storage = storage;
  }

  /** Issues the secret of a new ticket, for a token that expires then. */
  async issue(expires_ms: number, now_ms: number): Promise<{ secret: string; until_ms: number }> {
    const secret = base64Url(crypto.getRandomValues(new Uint8Array(SECRET_BYTES)));
    const hash = await hashOf(secret);
    const until_ms = Math.min(now_ms + TICKET_MS, expires_ms);
    const others = this.#valid(now_ms).slice(-(MAX_TICKETS - 1));
    this.#storage.kv.put(STORAGE_KEY, [...others, { hash, until_ms, expires_ms }]);
    return { secret, until_ms };
  }

  /**
   * Uses a ticket up, and returns when the token expires that it was issued for; null: there is no
   * such ticket. A ticket counts once, so that nobody can use one that a log has shown.
   */
  async redeem(secret: string, now_ms: number): Promise<number | null> {
    const hash = await hashOf(secret);
    // No `await` from here on, so that of two calls with one ticket only the first finds it.
    const valid = this.#valid(now_ms);
    const found = valid.find((ticket) => ticket.hash === hash);
    if (!found) return null;
    this.#store(valid.filter((ticket) => ticket !== found));
    return found.expires_ms;
  }

  /** Deletes what has expired. Answers when the next ticket expires; null: there is none. */
  prune(now_ms: number): number | null {
    const stored = this.#stored();
    const valid = this.#valid(now_ms);
    if (valid.length < stored.length) this.#store(valid);
    return valid.length === 0 ? null : Math.min(...valid.map(({ until_ms }) => until_ms));
  }

  deleteAll(): void {
    this.#store([]);
  }

  #store(tickets: readonly StoredTicket[]): void {
    if (tickets.length > 0) this.#storage.kv.put(STORAGE_KEY, tickets);
    else this.#storage.kv.delete(STORAGE_KEY);
  }

  #stored = (): StoredTicket[] => this.#storage.kv.get<StoredTicket[]>(STORAGE_KEY) ?? [];

  #valid = (now_ms: number): StoredTicket[] =>
    this.#stored().filter(({ until_ms }) => until_ms > now_ms);
}

const base64Url = (bytes: Uint8Array): string =>
  btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");

/** Secrets are compared by their hashes, so that the time of a comparison says nothing about them. */
async function hashOf(secret: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(secret));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
