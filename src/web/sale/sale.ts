import { type Client, clientOf, type Level, ok, type Order } from "../shared/api.ts";
import { ApiProblem } from "../shared/problem.ts";
import { Buyer, pause } from "./buyer.ts";

/**
 * A flash sale against a running Lockstock: buyers arrive at a rate, each a customer of its own who
 * wants one unit. As in a shop's own backend, a service orders for all of them: guests from one
 * address would be rate limited. For the console and the terminal; one at a time on an item.
 */
export interface SaleOptions {
  base: string;
  /** Has to have the scope `operator`: the sale makes its item, its stock and its orders. */
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
  /** What these ended with, in words, and how many did. */
  failures: Record<string, number>;
  /** What holds the sale up at the moment, in words; null: nothing. */
  notice: string | null;
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
/** Buyers under way at once. Past it the next ones come late, which the sale says. */
const MAX_ACTIVE = 500;

export async function runSale(options: SaleOptions): Promise<SaleResult> {
  const sale = new Sale(options);
  return await sale.run();
}

class Sale {
  readonly #options: SaleOptions;
  readonly #operator: Client;
  readonly #progress: SaleProgress;
  readonly #start_ms = Date.now();
  /** Sets the customers and keys of this sale apart from those of any other. */
  readonly #run = crypto.randomUUID().slice(0, 8);
  #heldBefore = 0;
  /** Buyers who wait before they repeat a call, and what the last of them was told. */
  #waiting = 0;
  #told = "";
  #isCrowded = false;

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
      failures: {},
      notice: null,
      elapsed_ms: 0,
      latencies_ms: [],
      level: null,
    };
  }

  async run(): Promise<SaleResult> {
    const { signal } = this.#options;
    this.#tell();
    await this.#stock();
    this.#tell("selling");
    const watching = setInterval(() => {
      void this.#look();
      this.#tell(); // where nothing is answered, the time goes on and the notice says why
    }, LEVEL_PERIOD_MS);
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

  /** An open loop: buyers arrive when they are due, whatever became of those before them. */
  async #sell(): Promise<void> {
    const { buyers, rate, signal } = this.#options;
    const start_ms = Date.now();
    const active = new Set<Promise<void>>();
    for (let i = 0; i < buyers && !signal.aborted; i++) {
      const due_ms = start_ms + (i * 1_000) / rate;
      await pause(due_ms - Date.now(), signal);
      while (active.size >= MAX_ACTIVE && !signal.aborted) {
        this.#isCrowded = true;
        await Promise.race(active);
      }
      this.#isCrowded = false;
      const buyer: Promise<void> = this.#buy(i + 1).finally(() => active.delete(buyer));
      active.add(buyer);
    }
    this.#tell("settling");
    await Promise.all(active);
  }

  async #buy(number: number): Promise<void> {
    const { sku, signal } = this.#options;
    const progress = this.#progress;
    let isAnswered = false;
    const buyer = new Buyer(this.#operator, `sale-${this.#run}-${number}`, signal, {
      onPlaced: () => {
        isAnswered = true;
        progress.answered++;
        progress.pending++;
        this.#tell();
      },
      onWait: (problem, wait_ms) => {
        this.#waiting++;
        this.#told = `${wordsOf(problem)}; they try again after ${Math.ceil(wait_ms / 1_000)} s`;
        this.#tell();
      },
      onRepeat: () => void this.#waiting--,
    });
    try {
      this.#count(await buyer.buy(sku));
    } catch (error) {
      if (error instanceof ApiProblem && error.code === "out_of_stock") progress.soldOut++;
      else this.#fail(wordsOf(error));
    }
    if (isAnswered) progress.pending--;
    else progress.answered++;
    this.#tell();
  }

  #fail(why: string): void {
    const { failures } = this.#progress;
    this.#progress.failed++;
    this.#progress.failures = { ...failures, [why]: (failures[why] ?? 0) + 1 };
  }

  #count({ status, reason, placedAt, updatedAt }: Order): void {
    const progress = this.#progress;
    const latency_ms = Date.parse(updatedAt) - Date.parse(placedAt);
    progress.latencies_ms = [...progress.latencies_ms, latency_ms].toSorted((a, b) => a - b);
    if (status === "confirmed") progress.confirmed++;
    else if (status === "cancelled" && reason === "out_of_stock") progress.soldOut++;
    else this.#fail(`the order ended as ${status}${reason ? ` (${reason})` : ""}`);
  }

  async #look(): Promise<void> {
    const { sku } = this.#options;
    try {
      const level = await ok(this.#operator.v1.items[":sku"].stock.$get({ param: { sku } }));
      this.#progress.level = level;
    } catch {
      // The next look, or the last one, shows it.
    }
  }

  #notice(): string | null {
    if (this.#waiting > 0) return `${this.#waiting} buyers have to wait: ${this.#told}`;
    if (!this.#isCrowded) return null;
    return `${MAX_ACTIVE} buyers wait for an answer: the next ones come late`;
  }

  #tell(phase = this.#progress.phase): void {
    this.#progress.phase = phase;
    this.#progress.elapsed_ms = Date.now() - this.#start_ms;
    this.#progress.notice = this.#notice();
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

/** For people: what the API said, with its status; an `Error` of our own says all of it. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return error instanceof Error ? error.message : String(error);
  const { title, detail, status } = error.body;
  return `${title}${status > 0 ? ` (${status})` : ""}: ${detail.replace(/\.$/, "")}`;
}
