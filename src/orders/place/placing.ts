import pTimeout, { TimeoutError } from "p-timeout";
import { errorText, log } from "../../contract/log.ts";
import { policyOf } from "../policy.ts";
import { announcer } from "./announce.ts";
import { type Candidate, type Placement, placeAll } from "./place.sql.ts";

const DESK_TIMEOUT_MS = 25_000;
const COMMIT_TIMEOUT_MS = 10_000;
/** Direct commits under way in one isolate. They are the exception: each is a D1 batch of one. */
const MAX_DIRECT = 16;
let direct = 0;

/**
 * Places an order through the customer's desk. A desk that was reset or cannot be reached may or
 * may not have committed it: one direct commit with the same order id settles that.
 */
export async function placeOrder(
  env: OrdersEnv,
  candidate: Candidate,
  background: (work: Promise<unknown>) => void,
): Promise<Placement> {
  const desk = env.DESK.getByName(deskName(candidate.customerId, policyOf(env).desks));
  try {
    const placing = async (): Promise<Placement> => await desk.place(candidate);
    return await pTimeout(placing(), { milliseconds: DESK_TIMEOUT_MS });
  } catch (error) {
    log("warn", "desk.failed", { orderId: candidate.id, error: errorText(error) });
    // The desk has its own, shorter limits towards D1, so D1 is away: it may still have committed.
    if (error instanceof TimeoutError) return { type: "failed" };
    // An overloaded object must not be met with more load (Durable Objects error handling).
    if (isOverloaded(error) || direct >= MAX_DIRECT) return { type: "busy" };
    return placeDirectly(env, candidate, background);
  }
}

async function placeDirectly(
  env: OrdersEnv,
  candidate: Candidate,
  background: (work: Promise<unknown>) => void,
): Promise<Placement> {
  direct++;
  try {
    const commit = placeAll(env.DB, [candidate], policyOf(env), Date.now());
    const [placement] = await pTimeout(commit, { milliseconds: COMMIT_TIMEOUT_MS });
    if (placement?.type === "placed") {
      const { order, isPresent } = placement;
      background(announcer(env).announce({ orders: [order], present: isPresent ? [order] : [] }));
    }
    return placement ?? { type: "failed" };
  } catch (error) {
    log("error", "order.unplaced", { orderId: candidate.id, error: errorText(error) });
    return { type: "failed" };
  } finally {
    direct--;
  }
}

const isOverloaded = (error: unknown): boolean =>
  error instanceof Error && "overloaded" in error && error.overloaded === true;

/** FNV-1a over the customer id: the same customer always meets the same desk. */
function deskName(customerId: string, desks: number): string {
  let hash = 0x811c9dc5;
  for (const char of customerId) {
    hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  }
  return `desk-${hash % desks}`;
}
