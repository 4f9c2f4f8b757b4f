import type { MiddlewareHandler } from "hono";
import { Problem } from "./problem.ts";

/**
 * Calls of a route that one isolate works on at a time; past it the answer is 503 at once, before
 * token and body are looked at. Without a bound an isolate that gets more than it can do takes
 * everything in: all wait ever longer, and its memory grows until it ends.
 */
export function atMost(limit: number): MiddlewareHandler {
  let underWay = 0;
  return async (_, next) => {
    if (underWay >= limit) {
      throw new Problem("unavailable", { detail: "Too many orders at once. Repeat it shortly." });
    }
    underWay++;
    try {
      await next();
    } finally {
      underWay--;
    }
  };
}
