import { withTimeout } from "../../runtime/timeout.ts";
import { markAbsent } from "./presence.sql.ts";

/** So long after the last socket the customer still counts as present, so that it may reconnect. */
export const PRESENCE_MS = 60_000;
const DB_TIMEOUT_MS = 10_000;
/** Storage key: the customer's id while the customer may be marked as present. */
const CUSTOMER_KEY = "customer";

interface Ports {
  kv: DurableObjectStorage["kv"];
  db: () => D1Database;
  /** Whether no socket is open. */
  isEmpty: () => boolean;
  /** Deletes what else is stored for open sockets. */
  onAbsent: () => void;
}

/** When one customer's mark of presence in D1 is deleted. `openFeed` and `rereadOrders` set it. */
export class Presence {
  readonly #ports: Ports;
  #lastCall: Promise<unknown> = Promise.resolve();
  /** When the last socket went; null: there is one, or it went before this object was in memory. */
  #emptiedAt_ms: number | null = null;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  /** The customer whose mark is to be deleted some day; undefined: there is none. */
  get customerId(): string | undefined {
    return this.#ports.kv.get<string>(CUSTOMER_KEY);
  }

  remember(customerId: string): void {
    if (this.customerId === undefined) this.#ports.kv.put(CUSTOMER_KEY, customerId);
  }

  opened(): void {
    this.#emptiedAt_ms = null;
  }

  emptied(now_ms: number): void {
    this.#emptiedAt_ms ??= now_ms;
  }

  /**
   * Marks the customer as absent if the last socket went a minute ago, or before this object was in
   * memory. Returns when to call this again: infinite, if somebody opens a socket first.
   */
  async leave(now_ms: number): Promise<number> {
    const absentAt_ms = (this.#emptiedAt_ms ?? -Infinity) + PRESENCE_MS;
    if (now_ms < absentAt_ms) return absentAt_ms - now_ms;
    const { customerId } = this;
    if (customerId !== undefined) {
      // In sequence with `openFeed`, so that it never deletes the mark of a new socket.
      await this.inSequence(async () => {
        if (this.#ports.isEmpty()) await markAbsent(this.#ports.db(), customerId);
      });
      if (!this.#ports.isEmpty()) return Infinity;
    }
    // An object without readers keeps nothing: there is one for each customer who ever had a feed.
    this.#ports.kv.delete(CUSTOMER_KEY);
    this.#ports.onAbsent();
    this.#emptiedAt_ms = null;
    return Infinity;
  }

  /**
   * Runs calls that write presence one after another, because concurrent ones could reach D1 in
   * either order. The time limit covers both the wait for earlier calls and the call of D1.
   */
  inSequence<T>(call: () => Promise<T>): Promise<T> {
    const result = this.#lastCall.then(call);
    this.#lastCall = result.catch(() => undefined);
    return withTimeout(DB_TIMEOUT_MS, () => result, "D1");
  }
}
