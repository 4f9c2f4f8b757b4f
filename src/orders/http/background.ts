import type { Context } from "hono";

/** Lets work go on after the response. The platform ends it after 30 s (Workers limits). */
export const background =
  (c: Context) =>
  (work: Promise<unknown>): void =>
    c.executionCtx.waitUntil(work);
