/** What the answers to pauses and resumptions of one item promise. */

export type Pausing = "pause" | "resume";

/** A call that got no answer has no effect after this. */
const LATEST_EFFECT_MS = 60_000;

const OTHER = { pause: "resume", resume: "pause" } as const;

export class Pauses {
  /** The last answer that nothing can contradict, and when it was heard; null: there is none. */
  promised: { is: Pausing; since_ms: number } | null = null;
  readonly #open = { pause: 0, resume: 0 };
  /** Until when a call of each kind may have had an effect. */
  readonly #until_ms = { pause: 0, resume: 0 };

  begins(call: Pausing): void {
    this.#open[call]++;
    if (this.promised?.is === OTHER[call]) this.promised = null;
  }

  ends(call: Pausing, isAnswered: boolean, sent_ms: number, now_ms: number): void {
    this.#open[call]--;
    this.#until_ms[call] = isAnswered
      ? Math.max(this.#until_ms[call], now_ms)
      : now_ms + LATEST_EFFECT_MS;
    const other = OTHER[call];
    const isAlone = this.#open[other] === 0 && this.#until_ms[other] < sent_ms;
    if (isAnswered && isAlone) this.promised = { is: call, since_ms: now_ms };
  }
}
