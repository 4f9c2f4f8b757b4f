import { ApiProblem } from "../shared/problem.ts";

/** Wait between attempts when the response has no `Retry-After`. */
const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 5_000;

export interface WaitListener {
  /** Called before a wait, after a response that allows a retry or without any response. */
  onWait(problem: ApiProblem, wait_ms: number): void;
  /** Called when the wait is over. */
  onRepeat(): void;
}

interface Patience {
  limit_ms: number;
  /** Aborting ends the wait. */
  signal: AbortSignal;
  listener: WaitListener;
}

/**
 * Retries a call that has a key or can safely be repeated, as long as the problem may be temporary
 * and the requested wait is within the limit. Throws the last problem.
 */
export async function again<T>(call: () => Promise<T>, patience: Patience): Promise<T> {
  const { limit_ms, signal, listener } = patience;
  const deadline_ms = Date.now() + limit_ms;
  for (let retry_ms = FIRST_RETRY_MS; ; retry_ms = Math.min(2 * retry_ms, LAST_RETRY_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiProblem) || !error.isPassing) throw error;
      // Jitter, so that callers with the same `Retry-After` do not all retry at the same moment.
      const jitter_ms = Math.random() * retry_ms;
      const wait_ms = Math.max(retry_ms, (error.retryAfter ?? 0) * 1_000) + jitter_ms;
      if (signal.aborted || Date.now() + wait_ms > deadline_ms) throw error;
      listener.onWait(error, wait_ms);
      await pause(wait_ms, signal);
      listener.onRepeat();
    }
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
