import type { Context } from "hono";
import type { Leader } from "../../runtime/shared-read.ts";
import type { AppEnv } from "./app-env.ts";

/** Lets work go on after the response. The platform ends it after 30 s (Workers limits). */
export const background =
  (c: Context) =>
  (work: Promise<unknown>): void =>
    c.executionCtx.waitUntil(work);

/** The request as the one that leads a read which others share. */
export const leaderOf = (c: Context<AppEnv>): Leader<D1Database> => ({
  source: c.env.DB,
  background: background(c),
});
