import type { Vat } from "../kernel/vat.ts";
import type { SimQueue, Stored } from "./queues.ts";

/** One delivery of a batch, and what becomes of each of its messages. */

export interface Consumer {
  /** The vat that consumes, started if it is not running. */
  vat(): Vat;
  /** Whether it is deployed: messages wait for one that is not. */
  isUp(): boolean;
  /** Its handler; rejects when that throws. */
  handle(vat: Vat, batch: object): Promise<void>;
}

type Verdict = "ack" | { delay_ms: number };

/** A vat that died with a batch: its messages are visible again after so long. */
const REDELIVERY_MS = [500, 8_000] as const;

export class QueueDelivery {
  readonly #queue: SimQueue;
  readonly #batch: Stored[];
  readonly #verdicts = new Map<Stored, Verdict>();
  readonly #onEnd: () => void;
  readonly #own: Set<Stored>;
  #since_ms = 0;

  constructor(queue: SimQueue, batch: Stored[], onEnd: () => void) {
    this.#queue = queue;
    this.#own = new Set(batch);
    this.#batch = this.#withCopies(batch);
    this.#onEnd = onEnd;
  }

  start(): void {
    const { kernel, settings, consumer } = this.#queue;
    if (!consumer) return;
    kernel.after(
      kernel.latency_ms(settings.name),
      `${settings.name} delivers ${this.#batch.map(({ id }) => id.replace(/^\D+/, "")).join(", ")}`,
      () => {
        this.#since_ms = kernel.now_ms;
        for (const message of this.#batch) {
          message.attempts++;
          if (kernel.faults.strike("deliveries lost", message.id))
            message.attempts += this.#queue.random.int(1, 9);
          message.isCursed ??= kernel.faults.strike("consumer always crashes", message.id);
        }
        const vat = consumer.vat();
        const forget = vat.onDeath(() => this.#end(null));
        const finish = (error: unknown): void => {
          vat.post(() => {
            forget();
            this.#end(error ?? false);
          });
        };
        if (kernel.faults.isActive && this.#batch.some(({ isCursed }) => isCursed))
          return vat.kill("a message crashes it");
        const batch = {
          queue: settings.name,
          messages: this.#batch.map((message) => this.#view(vat, message)),
        };
        consumer.handle(vat, batch).then(
          () => finish(null),
          (error: unknown) => finish(error ?? new Error("thrown")),
        );
      },
    );
  }

  /** Duplicates: in this batch, in another one at the same time, or later. */
  #withCopies(batch: Stored[]): Stored[] {
    const { kernel, random } = this.#queue;
    const copies: Stored[] = [];
    for (const message of batch) {
      const copy = () => ({ ...message });
      if (kernel.faults.strike("duplicate in batch", message.id)) {
        const twin = copy();
        this.#own.add(twin);
        this.#queue.open++;
        copies.push(twin);
      }
      if (kernel.faults.strike("duplicate later", message.id))
        this.#queue.enqueue(copy(), random.between(100, 90_000));
      if (kernel.faults.strike("duplicate at once", message.id)) {
        const twin = copy();
        this.#queue.open++;
        kernel.after(random.between(0, 10), "", () => {
          this.#queue.ready.push(twin);
          this.#queue.pump(true);
        });
      }
    }
    return [...batch, ...copies];
  }

  /** A message as the consumer sees it; the first verdict counts. */
  #view(vat: Vat, message: Stored): object {
    const { kernel, watcher, settings, random } = this.#queue;
    return {
      id: message.id,
      timestamp: new Date(message.sent_ms),
      attempts: message.attempts,
      body: JSON.parse(message.text) as unknown,
      ack: () => {
        vat.assertAlive();
        if (this.#verdicts.has(message)) return;
        if (kernel.faults.strike("crash before ack", message.id)) {
          vat.kill("before an ack");
          vat.assertAlive();
        }
        kernel.note(`ack ${message.id}`);
        watcher.onAck(settings.name, message.id, JSON.parse(message.text), this.#since_ms);
        const isLost = kernel.faults.strike("ack lost", message.id);
        this.#verdicts.set(
          message,
          isLost ? { delay_ms: random.between(...REDELIVERY_MS) } : "ack",
        );
        if (kernel.faults.strike("crash after ack", message.id)) {
          vat.kill("after an ack");
          vat.assertAlive();
        }
      },
      retry: ({ delaySeconds }: { delaySeconds?: number } = {}) => {
        vat.assertAlive();
        if (this.#verdicts.has(message)) return;
        kernel.note(`retry ${message.id}`);
        watcher.onRetry?.(settings.name, message.id);
        const delay_ms = delaySeconds === undefined ? settings.retryDelay_ms : delaySeconds * 1_000;
        this.#verdicts.set(message, { delay_ms });
      },
    };
  }

  /** `error`: null when the consumer died, false when it returned, else what it threw. */
  #end(error: unknown): void {
    const { settings, random, watcher } = this.#queue;
    for (const message of this.#own) {
      this.#queue.open--;
      let verdict = this.#verdicts.get(message);
      if (verdict === undefined && error === false) {
        watcher.onAck(settings.name, message.id, JSON.parse(message.text), this.#since_ms);
        verdict = "ack";
      }
      verdict ??= {
        delay_ms: error === null ? random.between(...REDELIVERY_MS) : settings.retryDelay_ms,
      };
      if (verdict === "ack") continue;
      if (message.attempts > settings.maxRetries) this.#queue.bury(message);
      else this.#queue.enqueue(message, verdict.delay_ms);
    }
    this.#onEnd();
  }
}
