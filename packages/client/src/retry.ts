import { LockstockProblem } from "./problem.ts";

/** The first pause without a `Retry-After`; pauses double up to the limit. */
const FIRST_PAUSE_MS = 400;
const MAX_PAUSE_MS = 10_000;
const DEFAULT_TIMEOUT_MS = 120_000;

export interface CallOptions {
  /** Aborting ends the call: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * How long a call that failed for now is repeated; 0: it is not. Default: two minutes. The last
   * attempt may end later, by its own time limit.
   */
  timeout_ms?: number | undefined;
  /** Called before each pause, with what the last attempt ended with. */
  onRetry?: ((problem: LockstockProblem, pause_ms: number) => void) | undefined;
}

/**
 * Repeats a call while it fails with a temporary problem, with jittered exponential backoff, and no
 * sooner than `Retry-After` asks. Throws the last problem when there is no time for another attempt.
 * The call has to be one that may be repeated.
 *
 * @example
 * ```ts
 * const level = await retry(() => shop.request("GET", "/v1/items/VINYL-TIDES/stock"), {
 *   timeout_ms: 30_000,
 *   onRetry: (problem, pause_ms) => console.warn(problem.title, pause_ms),
 * });
 * ```
 */
export async function retry<T>(call: () => Promise<T>, options: CallOptions = {}): Promise<T> {
  const { signal, timeout_ms = DEFAULT_TIMEOUT_MS, onRetry } = options;
  const deadline_ms = Date.now() + timeout_ms;
  for (let pause_ms = FIRST_PAUSE_MS; ; pause_ms = Math.min(2 * pause_ms, MAX_PAUSE_MS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof LockstockProblem) || !error.isTemporary) throw error;
      const wait_ms = waitAfter(error, pause_ms);
      if (Date.now() + wait_ms > deadline_ms) throw error;
      onRetry?.(error, wait_ms);
      await pause(wait_ms, signal);
    }
  }
}

/** With jitter, so that callers with the same `Retry-After` do not all return at the same moment. */
const waitAfter = ({ retryAfter_s }: LockstockProblem, pause_ms: number): number =>
  Math.max(pause_ms, (retryAfter_s ?? 0) * 1_000) + Math.random() * pause_ms;

/** Rejects with the signal's reason once it is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
    return undefined;
  });
}

/**
 * Runs a call with a signal that is aborted after this time, or with the caller's. (`AbortSignal.any`
 * with a long-lived signal keeps memory in some versions of Node, and its timer runs on.)
 */
export async function withTimeout<T>(
  limit_ms: number,
  signal: AbortSignal | undefined,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const own = new AbortController();
  const abort = () => own.abort(signal?.reason);
  const timer = setTimeout(() => own.abort(), limit_ms);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    return await call(own.signal);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}
