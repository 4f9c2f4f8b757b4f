import { setImmediate } from "node:timers";
import { Random } from "../../scripts/lib/random.ts";
import { Faults, type Without } from "./faults.ts";
import { History } from "./history.ts";
import type { Vat } from "./vat.ts";

interface Event {
  at_ms: number;
  tie: number;
  label: string;
  run: () => void;
  isCancelled: boolean;
}

export interface KernelOptions {
  seed: number;
  isPrinted?: boolean;
  without?: Without;
}

/** Virtual time starts here: nothing in a run depends on when it is run. */
export const START_MS = Date.UTC(2026, 10, 22, 12);

/**
 * The clock, the queue of all that is going to happen, and the seed behind every choice. One event
 * at a time: it runs, the microtasks it caused run out, what it wrote commits, what it sent leaves.
 */
export class Kernel {
  readonly seed: number;
  readonly history: History;
  readonly faults: Faults;
  /** Faults that slow things down end here at the latest. */
  heal_ms = Number.POSITIVE_INFINITY;
  #now_ms = START_MS;
  #heap: Event[] = [];
  readonly #ties: Random;
  /** One source for each party, so that leaving one out of a run moves the others little. */
  readonly #latencies = new Map<string, Random>();
  readonly #touched = new Set<Vat>();

  constructor({ seed, isPrinted = false, without = {} }: KernelOptions) {
    this.seed = seed;
    this.history = new History(isPrinted);
    this.faults = new Faults(seed, without, (text) => this.note(text));
    this.#ties = new Random(seed, "ties");
  }

  get now_ms(): number {
    return this.#now_ms;
  }

  random(stream: string): Random {
    return new Random(this.seed, stream);
  }

  note(text: string): void {
    this.history.add(this.#now_ms - START_MS, text);
  }

  /** Mostly a few milliseconds, sometimes many: enough for every order of events to come up. */
  latency_ms(party: string): number {
    const random = this.#latencyOf(party);
    const roll = random.next();
    if (roll < 0.8) return random.between(0.2, 6);
    if (roll < 0.98) return random.between(5, 60);
    return random.between(50, 800);
  }

  /** A delay past a deadline, but not past the end of the faults. */
  slow_ms(party: string): number {
    const random = this.#latencyOf(party);
    const slow_ms = random.between(1_000, random.pick([6_000, 15_000, 45_000]));
    return Math.max(0, Math.min(slow_ms, this.heal_ms - this.#now_ms));
  }

  #latencyOf(party: string): Random {
    let random = this.#latencies.get(party);
    if (!random) this.#latencies.set(party, (random = new Random(this.seed, `latency ${party}`)));
    return random;
  }

  after(delay_ms: number, label: string, run: () => void): Event {
    const at_ms = this.#now_ms + Math.max(0, delay_ms);
    const event: Event = { at_ms, tie: this.#ties.next(), label, run, isCancelled: false };
    push(this.#heap, event);
    return event;
  }

  at(at_ms: number, label: string, run: () => void): Event {
    return this.after(at_ms - this.#now_ms, label, run);
  }

  /** The vat has written or sent something in this turn. */
  touch(vat: Vat): void {
    this.#touched.add(vat);
  }

  /** Runs all that happens until then, or until somebody has seen enough. */
  async runUntil(end_ms: number, isOver: () => boolean = () => false): Promise<void> {
    while (!isOver()) {
      const event = this.#heap[0];
      if (!event || event.at_ms > end_ms) break;
      pop(this.#heap);
      if (event.isCancelled) continue;
      this.#now_ms = event.at_ms;
      if (event.label !== "") this.note(event.label);
      event.run();
      await settled();
      this.#endTurn();
    }
    if (!isOver()) this.#now_ms = end_ms;
  }

  #endTurn(): void {
    for (const vat of this.#touched) vat.endTurn();
    this.#touched.clear();
  }
}

/** Resolves when no microtask is left: Node runs them all before the next immediate. */
const settled = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const isBefore = (a: Event, b: Event): boolean =>
  a.at_ms < b.at_ms || (a.at_ms === b.at_ms && a.tie < b.tie);

function push(heap: Event[], event: Event): void {
  let i = heap.length;
  heap.push(event);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const above = heap[parent] as Event;
    if (!isBefore(event, above)) break;
    heap[i] = above;
    i = parent;
  }
  heap[i] = event;
}

function pop(heap: Event[]): void {
  const last = heap.pop() as Event;
  if (heap.length === 0) return;
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    const right = heap[child + 1];
    if (right && isBefore(right, heap[child] as Event)) child++;
    if (!isBefore(heap[child] as Event, last)) break;
    heap[i] = heap[child] as Event;
    i = child;
  }
  heap[i] = last;
}
