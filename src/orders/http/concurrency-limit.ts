import { createMiddleware } from "hono/factory";
import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { Problem } from "./problem.ts";

/**
 * Limits how many calls of a route one isolate handles at a time. Above the limit it answers 503 at
 * once. Without a limit an overloaded isolate would accept everything, response times would keep
 * growing, and the isolate would run out of memory.
 *
 * `rejectWhenFull` comes first in a route and takes no slot: rejecting must be cheaper than
 * verifying a token. `holdSlot` comes after the token and the rate limit, so that only an
 * identified caller can take a slot. `lease_ms` has to be longer than a call can take.
 */
export function concurrencyLimit(limit: number, lease_ms: number) {
  const slots = new ConcurrencyLimit(limit, lease_ms);
  const full = () =>
    new Problem("unavailable", { detail: "Too many requests at once. Repeat it shortly." });

  const rejectWhenFull = createMiddleware(async (_, next) => {
    if (slots.isFull(Date.now())) throw full();
    await next();
  });

  const holdSlot = createMiddleware(async (c, next) => {
    const release = slots.tryAcquire(Date.now());
    if (release === null) throw full();
    const work = next().finally(release);
    // `waitUntil` lets the work outlive a client that hangs up, by at most 30 s. The slot is then
    // released when the body ends early, and an order that arrived complete is still placed. The
    // error is ignored here because the caller gets it from `await work`.
    c.executionCtx.waitUntil(work.catch(() => undefined));
    await work;
  });
  return { rejectWhenFull, holdSlot };
}
