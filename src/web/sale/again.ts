import { ApiProblem } from "../shared/problem.ts";

/** Between two tries, where the answer does not say when to come back. */
const FIRST_RETRY_MS = 400;
const LAST_RETRY_MS = 5_000;

export interface WaitListener {
  /** The caller was told to come back later, or had no answer: it tries again after so long. */
  onWait(problem: ApiProblem, wait_ms: number): void;
  /** It tries again now. */
  onRepeat(): void;
}

interface Patience {
  limit_ms: number;
  /** Nobody waits any longer once it is aborted. */
  signal: AbortSignal;
  listener: WaitListener;
}

/**
 * Repeats a call that has a key or is harmless twice, as long as what is wrong may pass by itself
 * and the time that it asks to wait for is within the limit. Throws the last problem.
 */
export async function again<T>(call: () => Promise<T>, patience: Patience): Promise<T> {
  const { limit_ms, signal, listener } = patience;
  const deadline_ms = Date.now() + limit_ms;
  for (let retry_ms = FIRST_RETRY_MS; ; retry_ms = Math.min(2 * retry_ms, LAST_RETRY_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof ApiProblem) || !error.isPassing) throw error;
      // Those who were told the same time do not all come back at the same moment.
      const jitter_ms = Math.random() * retry_ms;
      const wait_ms = Math.max(retry_ms, (error.retryAfter ?? 0) * 1_000) + jitter_ms;
      if (signal.aborted || Date.now() + wait_ms > deadline_ms) throw error;
      listener.onWait(error, wait_ms);
      await pause(wait_ms, signal);
      listener.onRepeat();
    }
  }
}

/** Ends early when it is stopped. */
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
