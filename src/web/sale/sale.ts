import { type Client, clientOf, type Level, ok, type Order } from "../shared/api.ts";
import { ApiProblem } from "../shared/problem.ts";

/**
 * A flash sale against a running Lockstock: buyers arrive at a rate, each a guest of its own who
 * wants one unit. For the console and the terminal; one at a time on an item.
 */
export interface SaleOptions {
  base: string;
  operatorToken: string;
  sku: string;
  buyers: number;
  units: number;
  /** Buyers a second. */
  rate: number;
  signal: AbortSignal;
  onProgress: (progress: SaleProgress) => void;
}

export interface SaleProgress {
  phase: "stocking" | "selling" | "settling" | "done" | "stopped";
  buyers: number;
  /** Buyers who have got an answer to their order, whatever it was. */
  answered: number;
  pending: number;
  confirmed: number;
  /** Refused at the door, or cancelled for want of stock. */
  soldOut: number;
  /** Neither: errors, or any other end. */
  failed: number;
  elapsed_ms: number;
  /** From being placed to the outcome, by the server's clock; sorted. */
  latencies_ms: number[];
  level: Level | null;
}

export interface Verdict {
  /** Confirmed orders of this sale beyond the units that were on sale. */
  oversold: number;
  /** received = available + held + sold, and none below 0. */
  isBalanced: boolean;
  /** The units this sale took are the units of its confirmed orders. */
  isExact: boolean;
}

export interface SaleResult {
  progress: SaleProgress;
  verdict: Verdict;
}

const LEVEL_PERIOD_MS = 500;
/** Buyers under way at once; a browser opens six connections anyway. */
const MAX_ACTIVE = 64;
const SETTLE_MS = 180_000;
const WAIT_SECONDS = "10";
const RETRIES = 5;

export async function runSale(options: SaleOptions): Promise<SaleResult> {
  const sale = new Sale(options);
  return await sale.run();
}

class Sale {
  readonly #options: SaleOptions;
  readonly #operator: Client;
  readonly #progress: SaleProgress;
  readonly #start_ms = Date.now();
  #heldBefore = 0;

  constructor(options: SaleOptions) {
    this.#options = options;
    this.#operator = clientOf(() => options.operatorToken, options.base);
    this.#progress = {
      phase: "stocking",
      buyers: options.buyers,
      answered: 0,
      pending: 0,
      confirmed: 0,
      soldOut: 0,
      failed: 0,
      elapsed_ms: 0,
      latencies_ms: [],
      level: null,
    };
  }

  async run(): Promise<SaleResult> {
    const { signal } = this.#options;
    await this.#stock();
    this.#tell("selling");
    const watching = setInterval(() => void this.#look(), LEVEL_PERIOD_MS);
    try {
      await this.#sell();
    } finally {
      clearInterval(watching);
    }
    await this.#look();
    this.#tell(signal.aborted ? "stopped" : "done");
    return { progress: { ...this.#progress }, verdict: this.#verdict() };
  }

  /** The item, with exactly the units of this sale available. */
  async #stock(): Promise<void> {
    const { sku, units } = this.#options;
    const item = this.#operator.v1.items[":sku"];
    const price = { amount: 4_900, currency: "EUR" };
    await ok(item.$put({ param: { sku }, json: { name: "Flash sale (demo)", price } }));
    const before = await ok(item.stock.$get({ param: { sku } }));
    const delta = units - before.available;
    this.#progress.level = before;
    if (delta !== 0) {
      const header = { "idempotency-key": crypto.randomUUID() };
      const json = { delta, reason: "flash sale demo" };
      this.#progress.level = await ok(item.stock.$post({ param: { sku }, header, json }));
    }
    this.#heldBefore = before.held + before.sold;
  }

  async #sell(): Promise<void> {
    const { buyers, rate, signal } = this.#options;
    const active = new Set<Promise<void>>();
    for (let i = 0; i < buyers && !signal.aborted; i++) {
      const due_ms = this.#start_ms + (i * 1_000) / rate;
      await pause(due_ms - Date.now());
      while (active.size >= MAX_ACTIVE) await Promise.race(active);
      const buyer: Promise<void> = this.#buy().finally(() => active.delete(buyer));
      active.add(buyer);
    }
    this.#tell("settling");
    await Promise.all(active);
  }

  async #buy(): Promise<void> {
    const { base, sku } = this.#options;
    const progress = this.#progress;
    let isAnswered = false;
    try {
      const { token } = await again(() => ok(this.#operator.v1.guests.$post()));
      const buyer = clientOf(() => token, base);
      const header = { "idempotency-key": crypto.randomUUID() };
      const json = { lines: [{ sku, quantity: 1 }] };
      const placed = await again(() => ok(buyer.v1.orders.$post({ header, json })));
      isAnswered = true;
      progress.answered++;
      progress.pending++;
      this.#tell();
      this.#count(await this.#outcome(buyer, placed));
      progress.pending--;
    } catch (error) {
      if (isAnswered) progress.pending--;
      else progress.answered++;
      if (error instanceof ApiProblem && error.code === "out_of_stock") progress.soldOut++;
      else progress.failed++;
    }
    this.#tell();
  }

  async #outcome(buyer: Client, placed: Order): Promise<Order> {
    const deadline = Date.now() + SETTLE_MS;
    let order = placed;
    for (let wait_ms = 50; order.status === "pending"; wait_ms = Math.min(wait_ms * 2, 2_000)) {
      if (Date.now() > deadline) throw new Error("not settled in time");
      await pause(wait_ms);
      const headers = { headers: { Prefer: `wait=${WAIT_SECONDS}` } };
      const param = { id: placed.id };
      order = await again(() => ok(buyer.v1.orders[":id"].$get({ param }, headers)));
    }
    return order;
  }

  #count({ status, reason, placedAt, updatedAt }: Order): void {
    const progress = this.#progress;
    const latency_ms = Date.parse(updatedAt) - Date.parse(placedAt);
    progress.latencies_ms = [...progress.latencies_ms, latency_ms].toSorted((a, b) => a - b);
    if (status === "confirmed") progress.confirmed++;
    else if (status === "cancelled" && reason === "out_of_stock") progress.soldOut++;
    else progress.failed++;
  }

  async #look(): Promise<void> {
    const { sku } = this.#options;
    try {
      const level = await ok(this.#operator.v1.items[":sku"].stock.$get({ param: { sku } }));
      this.#progress.level = level;
      this.#tell();
    } catch {
      // The next look, or the last one, shows it.
    }
  }

  #tell(phase = this.#progress.phase): void {
    this.#progress.phase = phase;
    this.#progress.elapsed_ms = Date.now() - this.#start_ms;
    this.#options.onProgress({ ...this.#progress });
  }

  #verdict(): Verdict {
    const { confirmed, level } = this.#progress;
    const taken = level ? level.held + level.sold - this.#heldBefore : Number.NaN;
    return {
      oversold: Math.max(0, confirmed - this.#options.units),
      isBalanced: level !== null && isBalanced(level),
      isExact: taken === confirmed,
    };
  }
}

export const isBalanced = ({ received, available, held, sold }: Level): boolean =>
  received === available + held + sold && Math.min(received, available, held, sold) >= 0;

/** Nearest rank; null: there is none. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** Repeats what may pass by itself; every call of a sale carries a key or is harmless twice. */
async function again<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      const isPassing = error instanceof ApiProblem && error.isPassing;
      if (!isPassing || attempt > RETRIES) throw error;
      await pause(Math.max(200 * 2 ** attempt, (error.retryAfter ?? 0) * 1_000));
    }
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
