import { jsonBytes } from "../../contract/envelope.ts";
import { log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { bisect } from "../database/bisect.ts";
import type { Order } from "../order/order.ts";
import type { Announcement } from "../order/announce.ts";
import { BUSY_BATCH, Gathering } from "./batch-window.ts";
import { Holding } from "./announce-buffer.ts";
import { type Candidate, keyOwnerOf, type Placement } from "./placement.sql.ts";

/** What the desk needs of the outside. */
export interface DeskPorts {
  /** One D1 transaction for all; an answer for each, in order. */
  placeAll(candidates: readonly Candidate[]): Promise<Placement[]>;
  /** Somebody will look at orders placed from now on, even if this desk dies. */
  watch(): Promise<void>;
  /** The direct lane: the order once decided, or null. */
  decide(order: Order): Promise<Order | null>;
  /** After the commit, in the background: the queue, and the feeds of customers who are present. */
  announce(placed: Announcement): Promise<void>;
}

/** Orders that wait here at most; past it a caller is told to come back. */
const MAX_WAITING = 2_000;
const MAX_WAITING_BYTES = 8_000_000;
/** Orders with the same key that wait here at most. */
const MAX_COPIES = 64;
/** One batch. Its JSON is one bound value, of which D1 takes 2 MB. */
const MAX_BATCH = 200;
const MAX_BATCH_BYTES = 500_000;

type Placed = Placement & { type: "placed" };

interface Waiting {
  candidate: Candidate;
  /** How long the caller waits for the outcome; 0: it is told as soon as the order is durable. */
  wait_ms: number;
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
  readonly #holding = new Holding<Placed>((held) => this.#announce(held));
  readonly #gathering = new Gathering(() => this.#waiting.length);

  constructor(ports: DeskPorts) {
    this.#ports = ports;
  }

  place(candidate: Candidate, wait_ms = 0): Promise<Placement> {
    const bytes = jsonBytes(candidate);
    const isFull = this.#waiting.length >= MAX_WAITING || this.#bytes + bytes > MAX_WAITING_BYTES;
    if (isFull || this.#isFlood(candidate)) return Promise.resolve({ type: "busy" });
    return new Promise((answer) => {
      this.#waiting.push({ candidate, wait_ms, bytes, answer });
      this.#bytes += bytes;
      if (!this.#isCommitting) void this.#commitAll();
    });
  }

  /** One key takes one place in a batch, so copies of one request must not fill the desk. */
  #isFlood(one: Candidate): boolean {
    if (one.key === null) return false;
    let copies = 0;
    for (const { candidate } of this.#waiting) {
      if (candidate.key === one.key && keyOwnerOf(candidate) === keyOwnerOf(one)) copies++;
    }
    return copies >= MAX_COPIES;
  }

  async #commitAll(): Promise<void> {
    this.#isCommitting = true;
    try {
      while (this.#waiting.length > 0) {
        this.#holding.expectMore();
        const expected = await this.#gathering.whole();
        const batch = this.#nextBatch();
        await this.#commit(batch);
        this.#holding.settle({ isBusy: Math.max(batch.length, expected) >= BUSY_BATCH });
        this.#gathering.answered(batch.length, expected);
      }
    } finally {
      this.#isCommitting = false;
    }
  }

  /** Two orders with one key never share a batch: the second has to see what came of the first. */
  #nextBatch(): Waiting[] {
    const batch: Waiting[] = [];
    const later: Waiting[] = [];
    const keys = new Set<string>();
    let bytes = 0;
    for (const waiting of this.#waiting) {
      const { candidate } = waiting;
      const { key } = candidate;
      const owner = key === null ? null : JSON.stringify([keyOwnerOf(candidate), key]);
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
    for (const [i, { answer, wait_ms }] of batch.entries()) {
      const placement = placements[i] ?? { type: "failed" };
      if (placement.type !== "placed") answer(placement);
      else if (wait_ms > 0) void this.#decide(placement, wait_ms, answer);
      else {
        this.#holding.add(placement);
        answer(placement);
      }
    }
  }

  /** The caller hears the outcome, or after `wait_ms` that there is none; the lane goes on then. */
  async #decide(placement: Placed, wait_ms: number, answer: Waiting["answer"]): Promise<void> {
    const decision = this.#ports.decide(placement.order);
    const inTime = await withTimeout(wait_ms, () => decision).catch(() => null);
    answer(inTime ? { ...placement, order: inTime } : placement);
    // Settled by the lane: nothing is enqueued for it.
    if ((await decision) !== null) return;
    // When the stock Worker is away, all orders of a lane call come back undecided together: they
    // share messages like any others, since only so many announcements may be under way.
    this.#holding.add(placement);
    this.#holding.settle({ isBusy: true });
  }

  #announce(placed: readonly Placed[]): void {
    void this.#ports.announce({
      orders: placed.map(({ order }) => order),
      present: placed.filter(({ isPresent }) => isPresent).map(({ order }) => order),
    });
  }

  /** Never throws: a desk that threw would look like one that was reset. */
  async #place(candidates: Candidate[]): Promise<Placement[]> {
    await this.#ports.watch();
    const { results, failed } = await bisect(candidates, async (part) => {
      const placements = await this.#ports.placeAll(part);
      return part.map((candidate, i) => [candidate, placements[i]] as const);
    });
    for (const [{ id }, error] of failed) log("error", "order.unplaced", { orderId: id, error });
    const byCandidate = new Map(results.flat());
    return candidates.map((candidate) => byCandidate.get(candidate) ?? { type: "failed" });
  }
}
