import type { Random } from "../../scripts/lib/random.ts";
import type { Kernel } from "../kernel/kernel.ts";
import type { Reply, Vat } from "../kernel/vat.ts";
import { type Consumer, QueueDelivery } from "./delivery.ts";

/** Queues: at least once, in any order, in batches, with dead letters. */

export interface QueueSettings {
  name: string;
  maxBatchSize: number;
  maxBatchTimeout_ms: number;
  maxRetries: number;
  maxConcurrency: number;
  retryDelay_ms: number;
  deadLetterQueue: string | null;
}

export interface Stored {
  id: string;
  text: string;
  sent_ms: number;
  attempts: number;
  number: number;
  /** Every delivery of it crashes its consumer. */
  isCursed: boolean | null;
}

/** Sees what becomes of messages. */
export interface QueueWatcher {
  /** A party calls the queue, once for a batch of messages. */
  onCall?(party: string): void;
  onSend(queue: string, body: unknown): void;
  /** `since_ms`: when the message was delivered. */
  onAck(queue: string, id: string, body: unknown, since_ms: number): void;
  onRetry?(queue: string, id: string): void;
  onDead(queue: string, body: unknown): void;
}

const MAX_MESSAGES = 100;
const MAX_MESSAGE_BYTES = 128_000;
const MAX_BATCH_BYTES = 256_000;

export class SimQueue {
  readonly settings: QueueSettings;
  readonly kernel: Kernel;
  readonly watcher: QueueWatcher;
  readonly random: Random;
  deadLetters: SimQueue | null = null;
  consumer: Consumer | null = null;
  ready: Stored[] = [];
  /** Messages that are delayed, waiting or being consumed. */
  open = 0;
  #running = 0;
  #sent = 0;

  constructor(kernel: Kernel, settings: QueueSettings, watcher: QueueWatcher) {
    this.kernel = kernel;
    this.settings = settings;
    this.watcher = watcher;
    this.random = kernel.random(`queue ${settings.name}`);
  }

  binding(vat: Vat): object {
    type Options = { delaySeconds?: number };
    type Entry = Options & { body: unknown };
    const sendBatch = (messages: Iterable<Entry>, options: Options = {}) =>
      this.#send(
        vat,
        [...messages].map((m) => ({ ...options, ...m })),
      );
    return {
      sendBatch,
      send: (body: unknown, options: Options = {}) => this.#send(vat, [{ ...options, body }]),
      metrics: () =>
        vat.remote<object>(`${vat.name} → queue ${this.settings.name} metrics`, (reply) =>
          reply.ok({ backlogCount: this.open, backlogBytes: 0 }),
        ),
    };
  }

  async #send(vat: Vat, messages: { body: unknown; delaySeconds?: number }[]): Promise<object> {
    const texts = messages.map(({ body }) => JSON.stringify(body) ?? "null");
    const bytes = texts.map((text) => Buffer.byteLength(text));
    if (messages.length > MAX_MESSAGES) throw new Error("batch message count of more than 100");
    if (bytes.some((n) => n > MAX_MESSAGE_BYTES))
      throw new Error("message length exceeds limit of 128000 bytes");
    if (bytes.reduce((a, b) => a + b, 0) > MAX_BATCH_BYTES)
      throw new Error("batch size exceeds limit");
    this.watcher.onCall?.(vat.name);
    const label = `${vat.name} → queue ${this.settings.name} (${texts.map((text) => /"type":"([\w.]+)"/.exec(text)?.[1]).join(", ")})`;
    return vat.remote<object>(label, (reply) => this.#arrive(vat, label, messages, texts, reply));
  }

  #arrive(
    vat: Vat,
    label: string,
    messages: { delaySeconds?: number }[],
    texts: string[],
    reply: Reply<object>,
  ) {
    const { faults } = this.kernel;
    if (faults.strike("send throws", label))
      return reply.fail(new Error("Queue is overloaded. Please back off."));
    if (vat.isAlive && faults.strike("crash before send", label)) return vat.kill("before a send");
    const isHung = faults.strike("send hangs", label);
    if (!isHung || this.random.chance(0.5)) {
      for (const [i, text] of texts.entries()) {
        this.watcher.onSend(this.settings.name, JSON.parse(text));
        // The dead-letter queues are the last net: nothing could notice a loss there.
        const isLost =
          this.settings.deadLetterQueue !== null && faults.strike("message lost", label);
        if (!isLost) this.put(text, (messages[i]?.delaySeconds ?? 0) * 1_000);
      }
    }
    if (vat.isAlive && faults.strike("crash after send", label)) return vat.kill("after a send");
    if (faults.strike("send throws after", label)) return reply.fail(new Error("Internal error."));
    if (isHung)
      this.kernel.after(this.kernel.slow_ms(this.settings.name) + 60_000, "", () => reply.ok({}));
    else reply.ok({});
  }

  /** A new message. */
  put(text: string, delay_ms: number): void {
    const number = this.#sent++;
    const late = this.kernel.faults.strike("message delayed", this.settings.name)
      ? this.kernel.slow_ms(this.settings.name) * 3
      : 0;
    this.enqueue(
      {
        id: `${this.settings.name}-${number}`,
        text,
        sent_ms: this.kernel.now_ms,
        attempts: 0,
        number,
        isCursed: null,
      },
      delay_ms + late + this.random.between(0, this.settings.maxBatchTimeout_ms + 5),
    );
  }

  enqueue(message: Stored, delay_ms: number): void {
    this.open++;
    this.kernel.after(delay_ms, "", () => {
      this.ready.push(message);
      this.pump();
    });
  }

  /** Takes some of what waits, in any order, to a consumer that is free. */
  pump(isExtra = false): void {
    if (this.ready.length === 0 || !this.consumer?.isUp()) return;
    if (this.#running >= this.settings.maxConcurrency && !isExtra) return;
    this.#running++;
    const size = Math.min(
      this.random.int(1, 1 + this.ready.length),
      this.ready.length,
      this.settings.maxBatchSize,
    );
    const batch = this.random.shuffle(this.ready).splice(0, size);
    if (batch.some(({ number }, i) => number < (batch[i - 1]?.number ?? 0)))
      this.kernel.faults.note("reordering");
    new QueueDelivery(this, batch, () => {
      this.#running--;
      this.pump();
    }).start();
    this.pump();
  }

  /** Out of retries: to the dead letters, with its id, as a message anew. */
  bury(message: Stored): void {
    this.kernel.faults.note("retries exhausted");
    this.kernel.note(`${message.id} is dead`);
    this.watcher.onDead(this.settings.name, JSON.parse(message.text));
    this.deadLetters?.enqueue(
      { ...message, attempts: 0, isCursed: false },
      this.kernel.latency_ms(this.settings.name),
    );
  }
}
