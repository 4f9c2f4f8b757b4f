import { jsonBytes } from "../../contract/envelope.ts";
import { traceIdOf } from "../../contract/trace.ts";
import { log, traces } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { bisect } from "../database/bisect.ts";
import type { Announcement } from "../order/announce.ts";
import { type Order, traceOf } from "../order/order.ts";
import { AnnounceBuffer } from "./announce-buffer.ts";
import { type Candidate, keyOwnerOf, type Placement } from "./placement.sql.ts";

/** The parts of the outside world that the group commit calls. */
export interface GroupCommitPorts {
  /** Places all candidates in one D1 transaction; one answer each, in their order. */
  placeAll(candidates: readonly Candidate[]): Promise<Placement[]>;
  /** Has the reconciler look at orders placed from now on, even if this desk dies. */
  watch(): Promise<void>;
  /** Sends the order through the lane. Answers with the decided order, or null. */
  decide(order: Order): Promise<Order | null>;
  /** Announces committed orders in the background. */
  announce(placed: Announcement): Promise<void>;
}

/** Orders that wait for a commit at most; further callers get `busy`. */
const MAX_WAITING = 2_000;
const MAX_WAITING_BYTES = 8_000_000;
/** Waiting orders that may share one idempotency key. */
const MAX_COPIES = 64;
/** One batch. Its JSON is one bound value, and D1 takes 2 MB of a value (D1 limits). */
const MAX_BATCH = 200;
const MAX_BATCH_BYTES = 500_000;

/** After a batch of at least this many orders the desk is busy; a lone order never waits. */
const BUSY_BATCH = 2;
/**
 * The batch window: a busy desk waits this long before it takes the next batch, so that one D1
 * transaction places more orders (docs/performance.md says what that saves).
 */
const BATCH_WINDOW_MS = 4;
/**
 * The window closes at a check that finds as many orders as the last batch had. Never before the
 * first check: orders that arrive just behind the others would form a small batch again and again.
 */
const CHECK_MS = 2;

type Placed = Placement & { type: "placed" };

interface Waiting {
  candidate: Candidate;
  /** How long the caller waits for the outcome; 0: the caller is answered after the commit. */
  wait_ms: number;
  bytes: number;
  answer: (placement: Placement) => void;
}

/**
 * Group commit: one D1 transaction places all orders that arrived while the transaction before was
 * under way. Each caller is answered when its own batch is durable.
 */
export class GroupCommit {
  readonly #ports: GroupCommitPorts;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #isCommitting = false;
  readonly #announceBuffer = new AnnounceBuffer<Placed>((held) => this.#announce(held));
  #lastBatch = 0;

  constructor(ports: GroupCommitPorts) {
    this.#ports = ports;
  }

  place(candidate: Candidate, wait_ms = 0): Promise<Placement> {
    const bytes = jsonBytes(candidate);
    const isFull = this.#waiting.length >= MAX_WAITING || this.#bytes + bytes > MAX_WAITING_BYTES;
    if (isFull || this.#hasTooManyCopies(candidate)) return Promise.resolve({ type: "busy" });
    return new Promise((answer) => {
      this.#waiting.push({ candidate, wait_ms, bytes, answer });
      this.#bytes += bytes;
      if (!this.#isCommitting) void this.#commitAll();
    });
  }

  /** A batch takes one order of each key, so copies of one request would fill the desk. */
  #hasTooManyCopies(one: Candidate): boolean {
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
        this.#announceBuffer.extend();
        await this.#batchWindow();
        const batch = this.#nextBatch();
        await this.#commit(batch);
        this.#lastBatch = batch.length;
        this.#announceBuffer.schedule({ isBusy: batch.length >= BUSY_BATCH });
      }
    } finally {
      this.#isCommitting = false;
    }
  }

  /** Takes a turn at least, so that orders that arrive in one turn share a batch. */
  async #batchWindow(): Promise<void> {
    if (this.#lastBatch < BUSY_BATCH) return;
    for (let waited_ms = 0; waited_ms < BATCH_WINDOW_MS; waited_ms += CHECK_MS) {
      await new Promise((resolve) => setTimeout(resolve, CHECK_MS));
      if (this.#waiting.length >= this.#lastBatch) return;
    }
  }

  /** Two orders with one key never share a batch: the second must see the result of the first. */
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
    const start_ms = Date.now();
    const placements = await this.#place(batch.map(({ candidate }) => candidate));
    logPlaced(placements, start_ms);
    for (const [i, { answer, wait_ms }] of batch.entries()) {
      const placement = placements[i] ?? { type: "failed" };
      if (placement.type !== "placed") answer(placement);
      else if (wait_ms > 0) void this.#decide(placement, wait_ms, answer);
      else {
        this.#announceBuffer.add(placement);
        answer(placement);
      }
    }
  }

  /** Answers with the outcome, or after `wait_ms` with the pending order while the lane goes on. */
  async #decide(placement: Placed, wait_ms: number, answer: Waiting["answer"]): Promise<void> {
    const decision = this.#ports.decide(placement.order);
    const inTime = await withTimeout(wait_ms, () => decision).catch(() => null);
    answer(inTime ? { ...placement, order: inTime } : placement);
    // The lane has settled the order, so it needs no queue message.
    if ((await decision) !== null) return;
    // While the stock Worker is away, all orders of a lane call come back undecided together. They
    // share messages, because the number of announcements under way is limited.
    this.#announceBuffer.add(placement);
    this.#announceBuffer.schedule({ isBusy: true });
  }

  #announce(placed: readonly Placed[]): void {
    void this.#ports.announce({
      orders: placed.map(({ order }) => order),
      present: placed.filter(({ isPresent }) => isPresent).map(({ order }) => order),
    });
  }

  /** Never throws: the caller would take an error for a reset of the desk and commit directly. */
  async #place(candidates: Candidate[]): Promise<Placement[]> {
    await this.#ports.watch();
    const { results, failed } = await bisect(candidates, async (part) => {
      const placements = await this.#ports.placeAll(part);
      return part.map((candidate, i) => [candidate, placements[i]] as const);
    });
    for (const [{ id: orderId, traceId }, error] of failed) {
      const fields = { orderId, traceId: traceIdOf({ orderId, traceId }), error };
      log("error", "order.commit_failed", fields);
    }
    const byCandidate = new Map(results.flat());
    return candidates.map((candidate) => byCandidate.get(candidate) ?? { type: "failed" });
  }
}

/** A batch that placed none is not worth a line: at a sold-out sale all are refused. */
function logPlaced(placements: readonly Placement[], start_ms: number): void {
  const placed = placements.flatMap((one) => (one.type === "placed" ? [traceOf(one.order)] : []));
  if (placed.length === 0) return;
  const counts = { orders: placements.length, placed: placed.length };
  log("info", "orders.batch_placed", {
    ...counts,
    tookMs: Date.now() - start_ms,
    ...traces(placed),
  });
}
