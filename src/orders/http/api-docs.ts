import type { AppEnv } from "./app-env.ts";
import { Hono } from "hono";

/** The contract and its page: files that `npm run openapi` has written, so they cost no start-up. */
export const docs = new Hono<AppEnv>().on("GET", ["/openapi.json", "/docs"], async (c) => {
  const file = await c.env.ASSETS.fetch(c.req.raw);
  // A new response, because only that gets the headers set so far.
  return c.newResponse(file.body, file);
});
