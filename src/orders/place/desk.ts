import { jsonBytes } from "../../contract/messages.ts";
import { log } from "../../contract/log.ts";
import { bisecting } from "../bisect.ts";
import type { Order } from "../order.ts";
import type { Candidate, Placement } from "./place.sql.ts";

/** What the desk needs of the outside. */
export interface DeskPorts {
  /** One D1 transaction for all; an answer for each, in order. */
  placeAll(candidates: readonly Candidate[]): Promise<Placement[]>;
  /** Somebody will look at orders placed from now on, even if this desk dies. */
  watch(): Promise<void>;
  /** After the commit, in the background: the queue, and the feeds of customers who are present. */
  announce(placed: Announcement): Promise<void>;
}

export interface Announcement {
  orders: Order[];
  /** Those of them whose customer has a feed open. */
  present: Order[];
}

/** Orders that wait here at most; past it a caller is told to come back. */
const MAX_WAITING = 2_000;
const MAX_WAITING_BYTES = 8_000_000;
/** One batch. Its JSON is one bound value, of which D1 takes 2 MB. */
const MAX_BATCH = 200;
const MAX_BATCH_BYTES = 500_000;

interface Waiting {
  candidate: Candidate;
  bytes: number;
  answer: (placement: Placement) => void;
}

/**
 * Group commit: orders that arrive while a batch is under way go into the next one. Each caller is
 * answered when its own batch is durable.
 */
export class Desk {
  readonly #ports: DeskPorts;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #isCommitting = false;

  constructor(ports: DeskPorts) {
    this.#ports = ports;
  }

  place(candidate: Candidate): Promise<Placement> {
    const bytes = jsonBytes(candidate);
    if (this.#waiting.length >= MAX_WAITING || this.#bytes + bytes > MAX_WAITING_BYTES) {
      return Promise.resolve({ type: "busy" });
    }
    return new Promise((answer) => {
      this.#waiting.push({ candidate, bytes, answer });
      this.#bytes += bytes;
      if (!this.#isCommitting) void this.#commitAll();
    });
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    while (this.#waiting.length > 0) await this.#commit(this.#nextBatch());
    this.#isCommitting = false;
  }

  /** Two orders with one key never share a batch: the second has to see what came of the first. */
  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    const later: Waiting[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    for (const waiting of this.#waiting) {
      const { customerId, key } = waiting.candidate;
      const owner = key === null ? null : JSON.stringify([customerId, key]);
      const isFull = batch.length >= MAX_BATCH || bytes + waiting.bytes > MAX_BATCH_BYTES;
      if ((isFull && batch.length > 0) || (owner !== null && keys.has(owner))) {
        later.push(waiting);
        continue;
      }
      if (owner !== null) keys.add(owner);
      bytes += waiting.bytes;
      batch.push(waiting);
    }
    this.#waiting = later;
    this.#bytes -= bytes;
    return batch;
  }

  async #commit(batch: Waiting[]): Promise<void> {
    const placements = await this.#place(batch.map(({ candidate }) => candidate));
    const placed = placements.flatMap((p) => (p.type === "placed" ? [p] : []));
    for (const [i, { answer }] of batch.entries()) answer(placements[i] ?? { type: "failed" });
    if (placed.length === 0) return;
    void this.#ports.announce({
      orders: placed.map(({ order }) => order),
      present: placed.filter(({ isPresent }) => isPresent).map(({ order }) => order),
    });
  }

  /** Never throws: a desk that threw would look like one that was reset. */
  async #place(candidates: Candidate[]): Promise<Placement[]> {
    await this.#ports.watch();
    const { results, failed } = await bisecting(candidates, async (part) => {
      const placements = await this.#ports.placeAll(part);
      return part.map((candidate, i) => [candidate, placements[i]] as const);
    });
    for (const [{ id }, error] of failed) log("error", "order.unplaced", { orderId: id, error });
    const byCandidate = new Map(results.flat());
    return candidates.map((candidate) => byCandidate.get(candidate) ?? { type: "failed" });
  }
}
