import { Hono } from "hono";
import type { AppEnv } from "./app-env.ts";

/** Serves the contract and its page as static files, which add nothing to the Worker's start-up. */
export const docs = new Hono<AppEnv>().on("GET", ["/openapi.json", "/docs"], async (c) => {
  const file = await c.env.ASSETS.fetch(c.req.raw);
  // Only a response that Hono creates gets the security headers that are set on the context.
  return c.newResponse(file.body, file);
});
