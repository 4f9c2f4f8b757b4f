import { traceIdOf } from "../../contract/trace.ts";
import { ConcurrencyLimit } from "../../runtime/concurrency-limit.ts";
import { errorText, log } from "../../runtime/log.ts";
import { TimeoutError, withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { fenced, FrozenError } from "../database/fenced.ts";
import { announce } from "../order/announce.ts";
import { addDoorRefusals } from "../order/door-refusals.sql.ts";
import { firstDue_ms } from "../order/order.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";
import { DoorCounter } from "./door-counter.ts";
import { type Candidate, FROZEN, type Placement, placeAll } from "./placement.sql.ts";
import { SoldOutCache } from "./sold-out-cache.ts";

const DESK_TIMEOUT_MS = 25_000;
/** Direct commits under way in one isolate. They are the exception: each is a D1 batch of one. */
const MAX_DIRECT = 16;
/** Above what one can take: 1 s for the reconciler, 10 s for D1, 10 s for the queue. */
const DIRECT_LEASE_MS = 30_000;
const direct = new ConcurrencyLimit(MAX_DIRECT, DIRECT_LEASE_MS);
const soldOut = new SoldOutCache();
const door = new DoorCounter();

export interface PlaceOptions {
  /** How long the caller waits for the outcome; 0: not at all. */
  wait_ms: number;
  background: (work: Promise<unknown>) => void;
}

/** Places an order, and counts one that the door refuses. */
export async function placeOrder(
  env: OrdersEnv,
  candidate: Candidate,
  options: PlaceOptions,
): Promise<Placement> {
  const placement = await placeOrRefuse(env, candidate, options);
  const { demandWrite_ms } = policyOf(env);
  if (placement.type === "refused" && demandWrite_ms > 0) {
    const isDue = door.add(candidate.lines, placement.refusal, Date.now());
    if (isDue) options.background(writeRefusals(env, demandWrite_ms));
  }
  return placement;
}

/** In the background, one write for many: nobody waits for a count, and a lost one loses no order. */
async function writeRefusals(env: OrdersEnv, after_ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, after_ms));
  try {
    await addDoorRefusals(env.DB, door.take(), Date.now());
  } catch (error) {
    log("warn", "demand.write_failed", { error: errorText(error) });
  }
}

/** An order without a key is refused without D1 when the sold-out cache knows a shortage. */
async function placeOrRefuse(
  env: OrdersEnv,
  candidate: Candidate,
  options: PlaceOptions,
): Promise<Placement> {
  const policy = policyOf(env);
  if (!policy.isGateOn || candidate.key !== null) return placeAtDesk(env, candidate, options);
  const shortage = soldOut.shortage(candidate.lines, Date.now());
  if (shortage !== null) {
    const shortages = [shortage];
    return { type: "refused", refusal: { code: "out_of_stock", shortages, closes_ms: null } };
  }
  const placement = await placeAtDesk(env, candidate, options);
  if (placement.type === "refused" && placement.refusal.code === "out_of_stock") {
    const { shortages, closes_ms } = placement.refusal;
    const soldOutLines = shortages.filter(({ reason }) => reason === "out_of_stock");
    soldOut.remember(soldOutLines, closes_ms, Date.now());
  }
  return placement;
}

/**
 * Places an order through the customer's desk. If the desk was reset or cannot be reached, nobody knows
 * whether it committed the order. One direct commit with the same order id makes sure of it, and inserts
 * nothing if the desk did.
 */
async function placeAtDesk(
  env: OrdersEnv,
  candidate: Candidate,
  { wait_ms, background }: PlaceOptions,
): Promise<Placement> {
  const desk = env.DESK.getByName(deskName(candidate.customerId, policyOf(env).desks));
  try {
    const call = async (): Promise<Placement> => await desk.place(candidate, wait_ms);
    return await withTimeout(DESK_TIMEOUT_MS + wait_ms, call, "the desk");
  } catch (error) {
    log("warn", "desk.failed", { ...named(candidate), error: errorText(error) });
    // The desk may still commit: D1 is slow, or many orders are ahead of this one.
    if (error instanceof TimeoutError) return { type: "failed" };
    // An overloaded object must not be met with more load (Durable Objects error handling).
    if (isOverloaded(error)) return { type: "busy" };
    const release = direct.tryAcquire(Date.now());
    if (release === null) return { type: "busy" };
    const work = placeDirectly(env, candidate).finally(release);
    // Continues if the client hangs up, because the order may be durable by then.
    background(work);
    return work;
  }
}

async function placeDirectly(env: OrdersEnv, candidate: Candidate): Promise<Placement> {
  try {
    const policy = policyOf(env);
    const now_ms = Date.now();
    const { beat } = await scheduleReconcile(env, now_ms + firstDue_ms(policy));
    const db = fenced(env.DB, { beat });
    const [placement] = await placeAll(db, [candidate], policy, now_ms);
    if (placement?.type === "placed") {
      const { order, isPresent } = placement;
      await announce(env, { orders: [order], present: isPresent ? [order] : [] });
    }
    return placement ?? { type: "failed" };
  } catch (error) {
    if (error instanceof FrozenError) return FROZEN;
    log("error", "order.commit_failed", { ...named(candidate), error: errorText(error) });
    return { type: "failed" };
  }
}

const named = ({ id: orderId, traceId }: Candidate) => {
  return { orderId, traceId: traceIdOf({ orderId, traceId }) };
};

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
