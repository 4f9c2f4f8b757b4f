import type { CallOptions } from "../../../packages/client/src/index.ts";
import { wordsOf } from "./figures.ts";

/**
 * What every call of a sale is repeated with. The signal ends a pause. It aborts no call that is
 * under way: an order that was placed has to be counted.
 */
export type Patience = Pick<CallOptions, "signal" | "onRetry">;

/** The calls of a sale that pause before they are repeated. */
export class Waiting {
  /** When each pause is over. */
  #until_ms: number[] = [];
  #last = "";

  readonly add: NonNullable<CallOptions["onRetry"]> = (problem, pause_ms) => {
    this.#until_ms.push(Date.now() + pause_ms);
    this.#last = `${wordsOf(problem)}; next try after ${Math.ceil(pause_ms / 1_000)} s`;
  };

  /** How many pause, and why the last of them does; null: none does. */
  words(): string | null {
    const now_ms = Date.now();
    this.#until_ms = this.#until_ms.filter((until_ms) => until_ms > now_ms);
    const { length } = this.#until_ms;
    return length === 0 ? null : `${length} calls have to wait: ${this.#last}`;
  }
}

/** Ends early when the signal is aborted. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, Math.max(0, ms));
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
  });
