import type { Order } from "./types.ts";

/** Orders that are remembered; a customer rarely has as many. */
const MAX_ORDERS = 2_000;

/** The newest revision of each order that was shown, so that no older one follows it. */
export class Revisions {
  readonly #shown = new Map<string, number>();
  #since: string | null;

  constructor(since: string | null) {
    this.#since = since;
  }

  /** The newest `updatedAt` of all that was shown; null: nothing was. */
  get since(): string | null {
    return this.#since;
  }

  /** Whether the order is news, which it then no longer is. */
  take({ id, revision, updatedAt }: Order): boolean {
    if (revision <= (this.#shown.get(id) ?? 0)) return false;
    this.#shown.delete(id); // to the end: the map keeps the order of insertion
    this.#shown.set(id, revision);
    if (this.#shown.size > MAX_ORDERS) {
      for (const [oldest] of this.#shown) {
        this.#shown.delete(oldest);
        break;
      }
    }
    if (this.#since === null || Date.parse(updatedAt) > Date.parse(this.#since)) {
      this.#since = updatedAt;
    }
    return true;
  }
}
