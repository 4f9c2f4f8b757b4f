import {
  type Client,
  createClient,
  LockstockProblem,
  type Order,
  retry,
} from "../../../packages/client/src/index.ts";
import type { Level } from "../shared/api.ts";
import { Buyer } from "./buyer.ts";
import {
  isBalanced,
  type SaleProgress,
  type SaleResult,
  type Verdict,
  wordsOf,
} from "./figures.ts";
import { type Patience, pause, Waiting } from "./waiting.ts";

/**
 * Runs a flash sale against a running Lockstock, for the console and the terminal. Buyers arrive at
 * a fixed rate; each is a separate customer and wants one unit. As in a shop's backend, a service
 * orders for all of them, because guests from one address would be rate limited. Only one sale at a
 * time may use an item.
 */
export interface SaleOptions {
  base: string;
  /** Needs the scope `operator`: the sale creates its item, its stock and its orders. */
  operatorToken: string;
  sku: string;
  buyers: number;
  units: number;
  /** Buyers per second. */
  rate: number;
  signal: AbortSignal;
  onProgress: (progress: SaleProgress) => void;
}

const LEVEL_PERIOD_MS = 500;
/** How long the sale retries its first and last calls. */
const END_MS = 60_000;
/** Least time between two reports of the same phase, since a page renders each. */
const TELL_PERIOD_MS = 100;
/** Concurrent buyers. Above it, further buyers arrive late, and the sale reports that. */
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
  /** Part of the customers' ids and keys, so that they differ from those of other sales. */
  readonly #run = crypto.randomUUID().slice(0, 8);
  #heldBefore = 0;
  readonly #waiting = new Waiting();
  readonly #patience: Patience;
  #isCrowded = false;
  #isLooking = false;
  #told_ms = 0;

  constructor(options: SaleOptions) {
    this.#options = options;
    const { base: url, operatorToken: token, signal } = options;
    this.#operator = createClient({ url, token });
    const onRetry: Patience["onRetry"] = (problem, pause_ms) => {
      if (signal.aborted) throw problem;
      this.#waiting.add(problem, pause_ms);
      this.#tell();
    };
    this.#patience = { signal, onRetry };
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
      // One at a time, because parallel calls would take a browser's connections from the buyers.
      if (!this.#isLooking) void this.#look();
      this.#tell(); // where nothing is answered, the time goes on and the notice says why
    }, LEVEL_PERIOD_MS);
    try {
      await this.#sell();
    } finally {
      clearInterval(watching);
    }
    this.#progress.level = await this.#level(END_MS).catch(() => null);
    this.#tell(signal.aborted ? "stopped" : "done");
    return { progress: { ...this.#progress }, verdict: this.#verdict() };
  }

  /** Creates the item with exactly the units of this sale available. */
  async #stock(): Promise<void> {
    const { sku, units } = this.#options;
    const price = { amount: 4_900, currency: "EUR" };
    await this.#call("PUT", END_MS, { path: sku, body: { name: "Flash sale (demo)", price } });
    const before = await this.#level(END_MS);
    const delta = units - before.available;
    this.#progress.level = before;
    if (delta !== 0) {
      const body = { delta, reason: "flash sale demo" };
      const change = { path: `${sku}/stock`, body, key: crypto.randomUUID() };
      this.#progress.level = await this.#call<Level>("POST", END_MS, change);
    }
    this.#heldBefore = before.held + before.sold;
  }

  /** An open loop: buyers arrive on schedule, independent of the buyers before them. */
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
    const { sku } = this.#options;
    const progress = this.#progress;
    let isAnswered = false;
    const buyer = new Buyer(this.#operator, `sale-${this.#run}-${number}`, this.#patience);
    const onPlaced = () => {
      isAnswered = true;
      progress.answered++;
      progress.pending++;
      this.#tell();
    };
    try {
      this.#count(await buyer.buy(sku, onPlaced));
    } catch (error) {
      if (error instanceof LockstockProblem && error.code === "out_of_stock") progress.soldOut++;
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
    this.#isLooking = true;
    try {
      this.#progress.level = await this.#level(0);
    } catch {
      // Ignored: the next or the last reading shows the figures.
    }
    this.#isLooking = false;
  }

  #level(limit_ms: number): Promise<Level> {
    return this.#call("GET", limit_ms, { path: `${this.#options.sku}/stock` });
  }

  /** A call of the item, which is repeated for so long. */
  #call<T>(
    method: string,
    timeout_ms: number,
    { path, body, key }: { path: string; body?: object; key?: string },
  ): Promise<T> {
    const once = { body, key, timeout_ms: 0 };
    return retry(() => this.#operator.request<T>(method, `/v1/items/${path}`, once), {
      ...this.#patience,
      timeout_ms,
    });
  }

  #notice(): string | null {
    const { phase } = this.#progress;
    if (phase === "done" || phase === "stopped") return null;
    const waiting = this.#waiting.words();
    if (waiting !== null || !this.#isCrowded) return waiting;
    return `${MAX_ACTIVE} buyers wait for an answer: the next ones come late`;
  }

  #tell(phase = this.#progress.phase): void {
    const now_ms = Date.now();
    if (phase === this.#progress.phase && now_ms - this.#told_ms < TELL_PERIOD_MS) return;
    this.#told_ms = now_ms;
    this.#progress.phase = phase;
    this.#progress.elapsed_ms = now_ms - this.#start_ms;
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
