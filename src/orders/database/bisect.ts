import { errorText } from "../../runtime/log.ts";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { D1_TIMEOUT_MS, isUnavailable } from "./d1.ts";

export interface Bisected<T, R> {
  /** One result a part that went through. */
  results: R[];
  /** What did not go through even alone, or was not reached, each with its error. */
  failed: Map<T, string>;
}

/** Calls of one run: enough to single out a bad entry of 200, and few when the database is down. */
const MAX_CALLS = 24;

/**
 * Does idempotent work on all items at once; on an error once more (a lost reply looks the same as
 * a failure), then in halves, so that one bad item does not take its neighbours down. A time-out, or
 * an error that no item can cause, means that the database is away: nothing is bisected then.
 */
export async function bisect<T, R>(
  items: readonly T[],
  work: (part: readonly T[]) => Promise<R>,
): Promise<Bisected<T, R>> {
  const results: R[] = [];
  const failed = new Map<T, string>();
  const parts: { part: readonly T[]; isRepeat: boolean }[] = [{ part: items, isRepeat: false }];
  let away: string | null = null;
  for (let calls = 0; parts.length > 0; calls++) {
    const { part, isRepeat } = parts.pop() as (typeof parts)[number];
    if (part.length === 0) continue;
    if (away !== null || calls >= MAX_CALLS) {
      for (const item of part) failed.set(item, away ?? `not reached in ${MAX_CALLS} calls`);
      continue;
    }
    try {
      results.push(await withTimeout(D1_TIMEOUT_MS, () => work(part)));
    } catch (error) {
      const mayRepeat =
        part.length === items.length && !isRepeat && !(error instanceof TimeoutError);
      if (!mayRepeat && isUnavailable(error)) away = errorText(error);
      if (mayRepeat || away !== null) parts.push({ part, isRepeat: true });
      else if (part.length === 1) failed.set(part[0] as T, errorText(error));
      else {
        const middle = part.length >> 1;
        const halves = [part.slice(0, middle), part.slice(middle)];
        parts.push(...halves.map((half) => ({ part: half, isRepeat: true })));
      }
    }
  }
  return { results, failed };
}
