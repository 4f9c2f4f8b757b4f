import { withTimeout } from "./timeout.ts";

export interface SharedReadOptions {
  /** What is read, for the error of a read that takes too long. */
  what: string;
  /** How many different keys of each kind one round reads. */
  limits: Readonly<Record<string, number>>;
  /** The least time between the beginnings of two rounds. */
  interval_ms: number;
  /** How long a round's values are handed out. 0: only to those who wait for the round. */
  fresh_ms: number;
  /** Whether who comes while a round reads what it asks for gets that, or the next round's. */
  joinsRunning: boolean;
  /** A round also reads what was asked for in this time: its readers are about to come back. */
  warm_ms: number;
  /** How long a reader waits, and after how long a round counts as lost. */
  timeout_ms: number;
}

/** What a round needs of the request that leads it. */
export interface Leader<Source> {
  source: Source;
  /** Lets the round go on when the leader's client has gone: other requests wait for it. */
  background: (work: Promise<unknown>) => void;
}

/** `<kind>:<name>`. */
export type SharedKey = `${string}:${string}`;
type Values<V> = ReadonlyMap<SharedKey, V>;

interface Round<V> {
  keys: RoundKeys;
  began_ms: number;
  /** The platform may end the leader's request; the round then counts as lost. */
  lapses_ms: number;
  result: Promise<Values<V>>;
  values: Values<V> | null;
  isOver: boolean;
}

/**
 * One read for all requests of an isolate, at most one in each interval, whatever their number. A
 * request for what no round has leads the next round; those that come before it begins join it.
 */
export class SharedRead<Source, V> {
  readonly #options: SharedReadOptions;
  readonly #read: (source: Source, keys: readonly SharedKey[]) => Promise<Values<V>>;
  /** The last round that has begun. */
  #latest: Round<V> | null = null;
  /** The round that collects keys until it begins. */
  #next: Round<V> | null = null;
  /** When each key was last asked for, oldest first. */
  readonly #asked_ms = new Map<SharedKey, number>();

  constructor(
    options: SharedReadOptions,
    read: (source: Source, keys: readonly SharedKey[]) => Promise<Values<V>>,
  ) {
    this.#options = options;
    this.#read = read;
  }

  /** Whether a request for this key adds nothing to the work: a round has it, or is about to. */
  isCovered(key: SharedKey, now_ms: number): boolean {
    return this.#roundWith(key, now_ms) !== null;
  }

  /** Null: the next round is full. Undefined: the key has no value. */
  get(key: SharedKey, leader: Leader<Source>, now_ms: number): Promise<V | undefined> | null {
    const round = this.#roundWith(key, now_ms) ?? this.#nextRound(leader, now_ms);
    if (round === this.#next && !round.keys.join(key)) return null;
    this.#asked_ms.delete(key);
    this.#asked_ms.set(key, now_ms);
    if (round.values !== null) return Promise.resolve(round.values.get(key));
    const { timeout_ms, what } = this.#options;
    return withTimeout(timeout_ms, () => round.result, what).then((values) => values.get(key));
  }

  /** What was read is known to be old: the next who asks reads at once. */
  forget(): void {
    this.#latest = null;
  }

  #roundWith(key: SharedKey, now_ms: number): Round<V> | null {
    const latest = this.#latest;
    if (latest?.keys.has(key)) {
      const isFresh =
        latest.values !== null && Math.abs(now_ms - latest.began_ms) < this.#options.fresh_ms;
      const isRunning = !latest.isOver && this.#isAlive(latest, now_ms);
      if (isFresh || (isRunning && this.#options.joinsRunning)) return latest;
    }
    return this.#next?.keys.has(key) && this.#isAlive(this.#next, now_ms) ? this.#next : null;
  }

  /** A clock that ran ahead and came back must not make a lost round last until it is there again. */
  #isAlive({ lapses_ms }: Round<V>, now_ms: number): boolean {
    const { interval_ms, timeout_ms } = this.#options;
    return now_ms < lapses_ms && lapses_ms <= now_ms + interval_ms + 2 * timeout_ms;
  }

  #nextRound({ source, background }: Leader<Source>, now_ms: number): Round<V> {
    if (this.#next !== null && this.#isAlive(this.#next, now_ms)) return this.#next;
    const { interval_ms, timeout_ms, limits } = this.#options;
    const before = this.#latest;
    const due_ms = (before?.began_ms ?? 0) + interval_ms;
    // No longer than an interval, wherever a clock that has come back had been.
    const begins_ms = Math.min(Math.max(now_ms, due_ms), now_ms + interval_ms);
    const round: Round<V> = {
      keys: new RoundKeys(limits, this.#warmKeys(now_ms)),
      began_ms: begins_ms,
      // The round before may take its whole time first.
      lapses_ms: begins_ms + 2 * timeout_ms,
      result: Promise.resolve(new Map()),
      values: null,
      isOver: false,
    };
    round.result = this.#run(round, before, source);
    background(round.result.catch(() => undefined));
    this.#next = round;
    return round;
  }

  async #run(round: Round<V>, before: Round<V> | null, source: Source): Promise<Values<V>> {
    const wait_ms = round.began_ms - Date.now();
    // A turn at least, so that the leader's own key is among the round's.
    await (wait_ms > 0 ? new Promise((resolve) => setTimeout(resolve, wait_ms)) : null);
    // A slow source gets one round at a time.
    const isBusy = before !== null && !before.isOver && this.#isAlive(before, Date.now());
    const left_ms = isBusy ? before.lapses_ms - Date.now() : 0;
    if (left_ms > 0) await withTimeout(left_ms, async () => before?.result).catch(() => undefined);
    round.began_ms = Date.now();
    round.lapses_ms = round.began_ms + this.#options.timeout_ms;
    this.#latest = round;
    if (this.#next === round) this.#next = null;
    try {
      round.values = await this.#read(source, round.keys.all());
      return round.values;
    } finally {
      round.isOver = true;
    }
  }

  #warmKeys(now_ms: number): SharedKey[] {
    for (const [key, asked_ms] of this.#asked_ms) {
      if (Math.abs(now_ms - asked_ms) < this.#options.warm_ms) break;
      this.#asked_ms.delete(key);
    }
    return [...this.#asked_ms.keys()];
  }
}

/** The keys of a round, by kind. */
class RoundKeys {
  readonly #kinds = new Map<
    string,
    { asked: Set<SharedKey>; warm: Set<SharedKey>; limit: number }
  >();

  /** `warm`: the ones asked for last come last. */
  constructor(limits: SharedReadOptions["limits"], warm: readonly SharedKey[]) {
    for (const [kind, limit] of Object.entries(limits)) {
      const own = warm.filter((key) => key.startsWith(`${kind}:`)).slice(-limit);
      this.#kinds.set(kind, { asked: new Set(), warm: new Set(own), limit });
    }
  }

  has(key: SharedKey): boolean {
    const kind = this.#kindOf(key);
    return kind.asked.has(key) || kind.warm.has(key);
  }

  /**
   * A key that is asked for takes the place of the warm key that was asked for longest ago, so that
   * nobody can fill a round with names that no one else wants. False: there is no place left.
   */
  join(key: SharedKey): boolean {
    const { asked, warm, limit } = this.#kindOf(key);
    if (asked.has(key)) return true;
    if (asked.size >= limit) return false;
    asked.add(key);
    if (!warm.delete(key) && asked.size + warm.size > limit) {
      for (const oldest of warm) return warm.delete(oldest);
    }
    return true;
  }

  all(): SharedKey[] {
    return [...this.#kinds.values()].flatMap(({ asked, warm }) => [...asked, ...warm]);
  }

  #kindOf(key: SharedKey) {
    const kind = this.#kinds.get(key.slice(0, key.indexOf(":")));
    if (kind === undefined) throw new RangeError(`${key} is of no kind that is read`);
    return kind;
  }
}
