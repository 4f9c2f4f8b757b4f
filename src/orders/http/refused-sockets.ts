import type { Context } from "hono";
import { ConcurrencyLimits } from "../../runtime/concurrency-limits.ts";
import type { AppEnv } from "./app-env.ts";
import { Problem } from "./problem.ts";
import { networkOf } from "./rate-limit.ts";

/** Refused sockets of one address in an isolate whose clients have not answered the close yet. */
const MAX_UNANSWERED = 8;
/** A client that has not answered by then loses the connection. */
const ANSWER_MS = 5_000;
/** Longer than `ANSWER_MS`: the end of a request's context runs no code of it. */
const LEASE_MS = 10_000;
/** Addresses with such sockets. */
const MAX_ADDRESSES = 1_000;

const unanswered = new ConcurrencyLimits(MAX_UNANSWERED, LEASE_MS, MAX_ADDRESSES);

/** Accepts the upgrade and closes the socket with a code that browsers can read. */
export function refuseSocket(
  c: Context<AppEnv>,
  { code, reason }: { code: number; reason: string },
  headers: Headers,
): Response {
  const release = unanswered.tryAcquire(
    networkOf(c.req.header("CF-Connecting-IP") ?? ""),
    Date.now(),
  );
  if (release === null) {
    throw new Problem("rate_limited", {
      detail: "Too many sockets of this address are being closed. Try again shortly.",
      headers: { "Retry-After": String(LEASE_MS / 1_000) },
    });
  }
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  // Nothing else ends a socket whose client never answers: it would stay open for good.
  const timer = setTimeout(() => abort(c), ANSWER_MS);
  server.addEventListener("close", () => {
    clearTimeout(timer);
    release();
  });
  server.close(code, reason);
  return new Response(null, { status: 101, webSocket: client, headers });
}

/** Ends the request with its connection (workerd #6930). Hono's type does not have it yet. */
const abort = (c: Context<AppEnv>): void =>
  (c.executionCtx as unknown as ExecutionContext).abort("the client does not answer the close");
