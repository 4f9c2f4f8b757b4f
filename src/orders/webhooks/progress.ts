import { type Attempt, pauseAfter } from "./webhook.ts";

/** Where the courier is. */
export interface Progress {
  /** The webhook's `startsAfter` from which it began. */
  start: string;
  /** A cursor of the changes. */
  cursor: string;
  /** Attempts that have failed in a row. */
  failures: number;
  /** Nothing is sent before. */
  pausedUntil_ms: number;
}

/** The progress after events were posted; the same one: nothing about it has changed. */
export function progressAfter(
  progress: Progress,
  /** The attempt that failed; null: none. */
  failed: Attempt | null,
  now_ms: number,
  random: () => number,
): Progress {
  if (!failed) return progress.failures > 0 ? { ...progress, failures: 0 } : progress;
  const failures = progress.failures + 1;
  const pausedUntil_ms = now_ms + pauseAfter(failures, failed.retryAfter_ms, random);
  return { ...progress, failures, pausedUntil_ms };
}
