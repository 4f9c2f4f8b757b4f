import { errorText } from "../../runtime/log.ts";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { D1_TIMEOUT_MS, isUnavailable } from "./d1.ts";

export interface Bisected<T, R> {
  /** One result for each part that succeeded. */
  results: R[];
  /** Items that failed on their own, or that no call reached, with the error. */
  failed: Map<T, string>;
}

/** Calls of one run: enough to isolate a bad item among 200, and few when the database is down. */
const MAX_CALLS = 24;

/**
 * Runs idempotent work on all items at once. After an error it repeats the whole call once (a lost
 * reply looks the same as a failure), and then bisects, so that one bad item does not make the others
 * fail. A timeout, or an error that no item can cause, means that the database is unavailable:
 * bisecting ends then.
 */
export async function bisect<T, R>(
  items: readonly T[],
  work: (part: readonly T[]) => Promise<R>,
): Promise<Bisected<T, R>> {
  const results: R[] = [];
  const failed = new Map<T, string>();
  const parts: { part: readonly T[]; isRepeat: boolean }[] = [{ part: items, isRepeat: false }];
  let outage: string | null = null;
  for (let calls = 0; parts.length > 0; calls++) {
    const { part, isRepeat } = parts.pop() as (typeof parts)[number];
    if (part.length === 0) continue;
    if (outage !== null || calls >= MAX_CALLS) {
      for (const item of part) failed.set(item, outage ?? `not reached in ${MAX_CALLS} calls`);
      continue;
    }
    try {
      results.push(await withTimeout(D1_TIMEOUT_MS, () => work(part)));
    } catch (error) {
      const mayRepeat =
        part.length === items.length && !isRepeat && !(error instanceof TimeoutError);
      if (!mayRepeat && isUnavailable(error)) outage = errorText(error);
      if (mayRepeat || outage !== null) parts.push({ part, isRepeat: true });
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
