import { Random } from "../../scripts/lib/random.ts";

/**
 * Every fault there is, with how often it strikes where it can (a probability per chance, or for
 * what strikes by itself, times a minute). A seed switches each on or off and scales its rate, so
 * that some runs are quiet and some hit one weak point hard.
 */
export const FAULTS = {
  "crash before D1 commit": 0.01,
  "crash after D1 commit": 0.01,
  "crash before object commit": 0.01,
  "crash after object commit": 0.01,
  "crash before send": 0.02,
  "crash after send": 0.02,
  "crash before ack": 0.02,
  "crash after ack": 0.02,
  "isolate crash": 4,
  "object reset": 4,
  "object eviction": 8,
  "D1 error before commit": 0.02,
  "D1 error after commit": 0.02,
  "D1 slow": 0.01,
  "send throws": 0.05,
  "send throws after": 0.04,
  "send hangs": 0.03,
  "message lost": 0.03,
  "message delayed": 0.04,
  "duplicate in batch": 0.05,
  "duplicate later": 0.05,
  "duplicate at once": 0.05,
  "deliveries lost": 0.03,
  "ack lost": 0.04,
  "consumer always crashes": 0.03,
  "poison message": 3,
  "unknown version": 3,
  "RPC fails": 0.02,
  "RPC reply lost": 0.02,
  "RPC slow": 0.02,
  "RPC overloaded": 0.01,
  "stock absent": 1.5,
  "item unreachable": 1,
  "alarm late": 0.1,
  "alarm twice": 0.1,
  "alarm never": 0.04,
  "cron missed": 0.3,
  "limiter fails": 0.05,
  "limiter hangs": 0.05,
  "limiter used up": 0.03,
  "HTTP request lost": 0.02,
  "HTTP reply lost": 0.04,
  "client hangs up": 0.04,
  "socket drop": 3,
} as const;

export type Fault = keyof typeof FAULTS;
/** These must change nothing of normal running, so they strike in quiet runs as well. */
const HARMLESS: readonly Fault[] = ["limiter fails", "limiter hangs", "limiter used up"];
/** What the workload does on purpose or the scheduler by nature; counted beside the faults. */
export type Trouble =
  | "reordering"
  | "double click"
  | "key with another body"
  | "bad key"
  | "retries exhausted";
export type Fired = Record<Fault | Trouble, number>;

export const TROUBLES: readonly Trouble[] = [
  "reordering",
  "double click",
  "key with another body",
  "bad key",
  "retries exhausted",
];

/** What a shrunk run leaves out. */
export interface Without {
  kinds?: readonly string[];
  /** Fired faults by their number in the run. */
  strikes?: readonly number[];
}

/** Decides when a fault strikes. */
export class Faults {
  readonly fired: Partial<Fired> = {};
  readonly isQuiet: boolean;
  isActive = true;
  strikes = 0;
  readonly #rates = new Map<Fault, { rate: number; random: Random }>();
  readonly #without: Set<number>;
  readonly #onStrike: (text: string) => void;

  constructor(seed: number, without: Without, onStrike: (text: string) => void) {
    const profile = new Random(seed, "fault profile");
    this.#onStrike = onStrike;
    this.#without = new Set(without.strikes);
    // One run in eight is quiet: there the tight bounds of normal running are checked.
    this.isQuiet = profile.chance(0.125);
    const share = profile.pick([0.1, 0.25, 0.5]);
    for (const [kind, base] of Object.entries(FAULTS) as [Fault, number][]) {
      const isOn = profile.chance(share);
      const rate = base * profile.pick([0.5, 1, 1, 3]);
      const isLeft = !this.isQuiet || HARMLESS.includes(kind);
      if (isOn && isLeft && !without.kinds?.includes(kind))
        this.#rates.set(kind, { rate, random: new Random(seed, kind) });
    }
  }

  /** Whether this fault may strike in this run at all. */
  has(kind: Fault): boolean {
    return this.#rates.has(kind);
  }

  /** Whether this fault strikes here and now. */
  strike(kind: Fault, where: string): boolean {
    if (!this.isActive) return false;
    const own = this.#rates.get(kind);
    if (!own?.random.chance(own.rate)) return false;
    return this.#count(kind, where);
  }

  /** Milliseconds until a fault that strikes by itself does so next; null: not in this run. */
  next_ms(kind: Fault): number | null {
    const own = this.#rates.get(kind);
    return own ? (-Math.log(1 - own.random.next()) * 60_000) / own.rate : null;
  }

  /** Counts one that strikes by itself. */
  strikeNow(kind: Fault, where: string): boolean {
    return this.isActive && this.#count(kind, where);
  }

  note(kind: Trouble): void {
    this.fired[kind] = (this.fired[kind] ?? 0) + 1;
  }

  #count(kind: Fault, where: string): boolean {
    const number = this.strikes++;
    if (this.#without.has(number)) return false;
    this.fired[kind] = (this.fired[kind] ?? 0) + 1;
    this.#onStrike(`✗ #${number} ${kind}: ${where}`);
    return true;
  }
}
