import { LockstockProblem } from "./problem.ts";
import type { Request } from "./request.ts";
import { type CallOptions, pause } from "./retry.ts";
import type { Order } from "./types.ts";

export interface WaitOptions extends CallOptions {
  /** How long it waits for the outcome. Default: three minutes; the service promises 150 s. */
  timeout_ms?: number | undefined;
  /** How long the server may hold each answer, at most 10. Default: 10; 0 polls instead. */
  wait_s?: number | undefined;
}

const WAIT_MS = 180_000;
const WAIT_S = 10;
/** Pauses between two looks that the server has not held up; they double. */
const FIRST_LOOK_MS = 100;
const MAX_LOOK_MS = 2_000;

export const orderPath = (id: string): string => `/v1/orders/${encodeURIComponent(id)}`;

/** Asks for the order until it is decided. */
export async function waitFor(request: Request, id: string, options: WaitOptions): Promise<Order> {
  const { timeout_ms = WAIT_MS, wait_s = WAIT_S, signal, onRetry } = options;
  const deadline_ms = Date.now() + timeout_ms;
  let look_ms = FIRST_LOOK_MS;
  for (let left_ms = timeout_ms; ; left_ms = deadline_ms - Date.now()) {
    const asked_ms = Date.now();
    const order: Order = await request("GET", orderPath(id), {
      wait_s: Math.min(wait_s, left_ms / 1_000),
      timeout_ms: left_ms,
      signal,
      onRetry,
    });
    if (order.status !== "pending") return order;
    const held_ms = Date.now() - asked_ms;
    if (Date.now() + look_ms >= deadline_ms) throw undecided(order, timeout_ms);
    // A server, or a proxy before it, that does not hold its answer must not be asked in a loop.
    if (held_ms < MAX_LOOK_MS) await pause(look_ms, signal);
    look_ms = held_ms < MAX_LOOK_MS ? Math.min(2 * look_ms, MAX_LOOK_MS) : FIRST_LOOK_MS;
  }
}

const undecided = (order: Order, timeout_ms: number): LockstockProblem =>
  new LockstockProblem({
    code: "undecided",
    status: 0,
    title: "The order is not decided yet",
    detail: `It is still pending after ${timeout_ms / 1_000} s.`,
    order,
  });
