import type { Context } from "hono";
import { createMiddleware } from "hono/factory";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { booleanVar } from "../../runtime/vars.ts";
import type { AppEnv } from "./app-env.ts";
import { Problem } from "./problem.ts";
import { isService } from "./scopes.ts";

/** The period of all limits in wrangler.toml. After it a caller may use the whole limit again. */
const PERIOD_SECONDS = "60";
const LIMITER_TIMEOUT_MS = 1_000;

/**
 * Limits the calls of each customer that change orders. It runs after authentication and before the
 * body is read. Services are not limited: they belong to the shop and act for every customer.
 */
export const orderLimit = createMiddleware<AppEnv>(async (c, next) => {
  const caller = c.get("caller");
  if (!isService(caller)) await enforce(c.env, c.env.RATE_ORDERS, caller.sub);
  await next();
});

/** Limits what each customer reads. It runs after authentication, so that nobody counts for another. */
export const readLimit = createMiddleware<AppEnv>(async (c, next) => {
  const caller = c.get("caller");
  if (!isService(caller)) await enforce(c.env, c.env.RATE_READS, caller.sub);
  await next();
});

/** Limits what is read without a token and costs more than an answer from memory, by IP address. */
export const limitLook = (c: Context<AppEnv>): Promise<void> =>
  enforce(c.env, c.env.RATE_LOOKS, callerNetwork(c));

/** Limits new guests who have to pass no check, by IP address. */
export const limitGuest = (c: Context<AppEnv>): Promise<void> =>
  enforce(c.env, c.env.RATE_GUESTS, callerNetwork(c));

/** Limits checks of new guests, passed or not, by IP address. */
export const limitCheck = (c: Context<AppEnv>): Promise<void> =>
  enforce(c.env, c.env.RATE_CHECKS, callerNetwork(c));

const callerNetwork = (c: Context<AppEnv>): string =>
  networkOf(c.req.header("CF-Connecting-IP") ?? "");

/** Throws `rate_limited` above the limit. Lets the call pass when the limiter does not answer. */
async function enforce(env: OrdersEnv, limiter: RateLimit, key: string): Promise<void> {
  if (!booleanVar("RATE_LIMIT", env.RATE_LIMIT)) return;
  try {
    const call = async () => await limiter.limit({ key });
    if ((await withTimeout(LIMITER_TIMEOUT_MS, call)).success) return;
  } catch (error) {
    log("warn", "rate_limit.check_failed", { error: errorText(error) });
    return;
  }
  throw new Problem("rate_limited", {
    detail: `Too many requests: try again in ${PERIOD_SECONDS} s.`,
    headers: { "Retry-After": PERIOD_SECONDS },
  });
}

/** An IPv4 address, or the /64 of an IPv6 address: one subscriber has all addresses of a /64. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? [] : tail.split(":");
    while (groups.length + after.length < 8) groups.push("0");
    groups.push(...after);
  }
  const network = groups.slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${network.join(":")}::/64`;
}
