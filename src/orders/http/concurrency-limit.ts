import { createMiddleware } from "hono/factory";
import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { Problem } from "./problem.ts";

/** The call itself learns of its failure; this is only its copy in the background. */
const ignored = (): void => undefined;

/**
 * Bounds the calls of a route that one isolate works on at a time. Past the limit the answer is 503
 * at once: otherwise an isolate that gets more than it can do takes everything in, all callers wait
 * ever longer, and its memory grows until it ends.
 *
 * `refuse` goes first in the route and only looks: a refusal must be cheaper than a token. `hold`
 * goes behind the token and the rate limit, so that only an identified caller can hold a slot.
 * `lease_ms` is longer than a call can take.
 */
export function concurrencyLimit(limit: number, lease_ms: number) {
  const slots = new ConcurrencyLimit(limit, lease_ms);
  const full = () =>
    new Problem("unavailable", { detail: "Too many orders at once. Repeat it shortly." });

  const refuse = createMiddleware(async (_, next) => {
    if (slots.isFull(Date.now())) throw full();
    await next();
  });

  const hold = createMiddleware(async (c, next) => {
    const release = slots.tryAcquire(Date.now());
    if (release === null) throw full();
    const work = next().finally(release);
    // Background work outlives a client that hangs up, by 30 s: so the slot is given back at once
    // when the body ends early, and an order that is complete is placed and answered for all the same.
    c.executionCtx.waitUntil(work.catch(ignored));
    await work;
  });
  return { refuse, hold };
}
