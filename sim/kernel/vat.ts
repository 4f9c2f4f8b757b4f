import type { Kernel } from "./kernel.ts";
import { requestNow } from "./request.ts";

/** Thrown into code that goes on running in a vat that has died; nothing hears it. */
export class VatDied extends Error {
  constructor(name: string) {
    super(`${name} has died`);
    this.name = "VatDied";
  }
}

/** Storage that commits with the turn. */
export interface TurnStore {
  /** Makes the turn's writes durable; `false` when the vat crashed before or after. */
  commit(): boolean;
  rollback(): void;
}

/** How a call that left a vat is answered. */
export interface Reply<T> {
  ok(value: T): void;
  fail(error: Error): void;
}

/**
 * What crashes as one: an isolate, or one incarnation of a Durable Object. When it dies nothing it
 * still does has an effect, its timers never fire and no answer reaches it.
 */
export class Vat {
  readonly kernel: Kernel;
  readonly name: string;
  isAlive = true;
  store: TurnStore | null = null;
  /** Calls this vat is working on. */
  busy = 0;
  #outbox: (() => void)[] = [];
  readonly #onDeath = new Set<() => void>();

  constructor(kernel: Kernel, name: string) {
    this.kernel = kernel;
    this.name = name;
  }

  /** Throws in a vat that is dead, so that its code stops as soon as it asks for anything. */
  assertAlive(): void {
    if (!this.isAlive) throw new VatDied(this.name);
  }

  /** Something that leaves the vat: when the turn's writes are durable (the output gate). */
  post(effect: () => void): void {
    if (!this.isAlive) return;
    this.#outbox.push(effect);
    this.kernel.touch(this);
  }

  /** What is to happen should the vat die; call the result to take it back. */
  onDeath(effect: () => void): () => void {
    this.#onDeath.add(effect);
    return () => this.#onDeath.delete(effect);
  }

  kill(why: string): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    this.kernel.note(`† ${this.name} (${why})`);
    this.kernel.touch(this);
    this.#outbox = [];
    const effects = [...this.#onDeath];
    this.#onDeath.clear();
    for (const effect of effects) effect();
  }

  endTurn(): void {
    if (!this.isAlive) {
      this.store?.rollback();
      return;
    }
    if (this.store && !this.store.commit()) return;
    const outbox = this.#outbox;
    this.#outbox = [];
    for (const effect of outbox) effect();
  }

  /**
   * A call to somewhere else. `arrive` runs there, later; its reply comes back later still, unless
   * this vat has died in the meantime, or the client of the request that called has hung up.
   */
  remote<T>(label: string, arrive: (reply: Reply<T>) => void, extra_ms = 0): Promise<T> {
    this.assertAlive();
    const { kernel } = this;
    const request = requestNow();
    return new Promise<T>((resolve, reject) => {
      const answer = (what: string, settle: () => void) => {
        kernel.after(kernel.latency_ms(this.name), this.isAlive ? `${label} ${what}` : "", () => {
          if (this.isAlive && !request?.isTornDown) settle();
        });
      };
      this.post(() => {
        kernel.after(kernel.latency_ms(this.name) + extra_ms, label, () =>
          arrive({
            ok: (value) => answer("→ ok", () => resolve(value)),
            fail: (error) => answer(`→ ${error.message}`, () => reject(error)),
          }),
        );
      });
    });
  }
}
