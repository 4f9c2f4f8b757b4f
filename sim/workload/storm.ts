import { Random } from "../../scripts/lib/random.ts";
import type { ClientPlan, Plan, Step } from "./steps.ts";

/** What some runs have on top, each from a stream of its own so that the rest of them stays. */

/** Clients that give up: each stays within its limit of calls a minute. */
const HASTY = 3;
const STORM = { requests: 45, atOnce: 3, every_ms: 1_500 };

/**
 * Clients that send orders for what nobody sells and hang up before they hear so, again and again:
 * more often than an isolate takes orders at once (kernel/limits.ts).
 */
export function addStorm(seed: number, from_ms: number, plan: Plan): void {
  const r = new Random(seed, "storm");
  if (!r.chance(0.08)) return;
  for (let client = 1; client <= HASTY; client++) {
    const steps = Array.from({ length: STORM.requests }, (_, i): Step => {
      const at_ms = from_ms + Math.floor(i / STORM.atOnce) * STORM.every_ms;
      return { at_ms, do: "hang up", after_ms: r.between(3, 14) };
    });
    plan.clients.push({ name: `hasty-${client}`, skew_ms: 0, steps });
    plan.heal_ms = Math.max(plan.heal_ms, (steps.at(-1)?.at_ms ?? 0) + 1_000);
  }
}

const WINDOW_S = 30;
/** Orders that nobody pays, and orders by the lane while nobody answers there. */
const UNPAID = 9;
const HURRIED = 6;

/**
 * The stock Worker answers no call any more, from before unpaid orders expire until the end; its
 * queue goes on. Only in runs without other faults, so that what has to go on does so in time.
 */
export function addHang(seed: number, from_ms: number, plan: Plan): void {
  const r = new Random(seed, "stock hangs");
  const isQuiet = new Random(seed, "fault profile").chance(0.125);
  const [item] = plan.items;
  if (!isQuiet || plan.blackout || !item || !r.chance(0.5)) return;
  const { sku } = item;
  Object.assign(item, { stock: 40, limitPerCustomer: null, saleStartsAt_ms: null });
  Object.assign(item, { saleEndsAt_ms: null, paymentWindow_s: null });
  plan.vars["PAYMENT_WINDOW_SECONDS"] = `${WINDOW_S}`;
  plan.hang = { from_ms: from_ms + 15_000 };
  plan.heal_ms = Math.max(plan.heal_ms, from_ms + (WINDOW_S + 75) * 1_000);
  const place = (at_ms: number, name: string, wait: number): ClientPlan => {
    const lines = [{ sku, quantity: 1 }];
    const order = { lines, key: "key-1", clicks: 1, otherLines: null, socket: null };
    return { name, skew_ms: 0, steps: [{ at_ms, do: "place", wait, ...order }] };
  };
  for (let i = 0; i < UNPAID; i++) {
    plan.clients.push(place(from_ms + r.between(0, 500), `unpaid-${i}`, 3));
  }
  for (let i = 0; i < HURRIED; i++) {
    plan.clients.push(place(plan.hang.from_ms + 2_000, `hurried-${i}`, 10));
  }
}
