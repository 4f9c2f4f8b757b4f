import { Random } from "../../scripts/lib/random.ts";
import { START_MS } from "../kernel/kernel.ts";
import { badKeysFor } from "./bad-keys.ts";
import type { CartLine, ClientPlan, ItemPlan, Plan, Step, TillStep } from "./steps.ts";
import { addHang, addStorm } from "./storm.ts";
import { IMPOSTORS } from "./tokens.ts";
import { addWindows } from "./windows.ts";

/** What happens in a run, drawn up beforehand as data, so that a failing run can be made shorter. */

/** The items are made and stocked before this, in peace. */
export const OPENING_MS = START_MS + 5_000;

export function planFor(seed: number): Plan {
  const r = new Random(seed, "workload");
  const isOutlived = new Random(seed, "retention").chance(0.12);
  const isPutBack = !isOutlived && new Random(seed, "disaster").chance(0.15);
  const isItemLost = !isOutlived && !isPutBack && new Random(seed, "item disaster").chance(0.15);
  const length_ms = r.pick([2_000, 8_000, 20_000, 60_000, 120_000]);
  const items = itemsFor(r, length_ms);
  const skus = items.map(({ sku }) => sku);
  const clients = Array.from({ length: r.pick([1, 2, 3, 4, 6, 8, 12]) }, (_, i) =>
    clientFor(r, `c${i + 1}`, skus, length_ms),
  );
  const plan: Plan = {
    vars: {
      PAYMENT_WINDOW_SECONDS: r.pick(["0", "0", "5", "30", "90"]),
      LOCK_DEADLINE_SECONDS: r.pick(["900", "900", "0", "20", "60"]),
      DESKS: r.pick(["1", "1", "3"]),
      SOLD_OUT_GATE: r.pick(["on", "on", "on", "off"]),
      LATE_PAYMENT: new Random(seed, "late payments").pick(["reorder", "reorder", "refund"]),
      CHANGES: new Random(seed, "changes").pick(["on", "on", "on", "on", "off"]),
      // The least there are, so that two days outlive them.
      ...(isOutlived && { KEY_RETENTION_HOURS: "24", FINISHED_ORDER_RETENTION_DAYS: "1" }),
    },
    hasSmallLimits: new Random(seed, "limits").chance(0.5),
    isOutlived,
    isPutBack,
    isItemLost,
    items,
    clients,
    operator: operatorFor(r, skus, length_ms),
    impostor: impostorFor(new Random(seed, "impostors"), length_ms),
    reader: readerFor(new Random(seed, "reader"), length_ms),
    blackout: null,
    hang: null,
    heal_ms: OPENING_MS + length_ms + 5_000,
  };
  plan.operator.push(...countsFor(new Random(seed, "counts"), skus, length_ms));
  plan.operator.push(...pausesFor(new Random(seed, "pauses"), skus, length_ms));
  plan.operator.push(...tillFor(new Random(seed, "till"), length_ms));
  moveToServices(new Random(seed, "services"), clients);
  if (r.chance(0.06)) addBlackout(r, plan);
  plan.clients.push(...badKeysFor(seed, { skus, from_ms: OPENING_MS, length_ms }));
  addWindows(seed, plan);
  addStorm(seed, OPENING_MS, plan);
  addHang(seed, OPENING_MS, plan);
  return plan;
}

/** Some customers order in part through a service, whose keys look like their own. */
function moveToServices(r: Random, clients: ClientPlan[]): void {
  for (const { steps } of clients) {
    if (!r.chance(0.35)) continue;
    let keys = 0;
    for (const step of steps) {
      if (step.do !== "place" || !r.chance(0.6)) continue;
      step.byService = true;
      if (step.key !== null) step.key = `key-${++keys}`;
    }
  }
}

/** Counts of the shelf, some of them of the same shelf at the same time. */
function countsFor(r: Random, skus: string[], length_ms: number): Step[] {
  return timesFor(r, r.int(0, 5), length_ms).flatMap((at_ms): Step[] => {
    const count = (): Step => ({
      at_ms: at_ms + r.between(0, 30),
      do: "count",
      sku,
      off: r.pick([-3, -1, 1, 2]),
      pause_ms: r.pick([0, 0, 50, 1_000]),
      clicks: r.chance(0.3) ? 2 : 1,
    });
    const sku = r.pick(skus);
    return r.chance(0.4) ? [count(), count()] : [count()];
  });
}

/** Pauses of items, most of them ended by a resumption. */
function pausesFor(r: Random, skus: string[], length_ms: number): Step[] {
  if (!r.chance(0.5)) return [];
  return timesFor(r, r.int(1, 3), length_ms).flatMap((at_ms): Step[] => {
    const sku = r.pick(skus);
    const step = (kind: "pause" | "resume", after_ms: number): Step => {
      return { at_ms: at_ms + after_ms, do: kind, sku, clicks: r.chance(0.3) ? 2 : 1 };
    };
    const isEnded = r.chance(0.8);
    const after_ms = r.between(0, r.pick([20, 500, 5_000, 30_000]));
    return [step("pause", 0), ...(isEnded ? [step("resume", after_ms)] : [])];
  });
}

function readerFor(r: Random, length_ms: number): Step[] {
  return timesFor(r, r.int(0, 12), length_ms).map((at_ms): Step => {
    return { at_ms, do: "read changes", wait: r.pick([0, 0, 3, 10]) };
  });
}

function impostorFor(r: Random, length_ms: number): Step[] {
  return timesFor(r, r.int(0, 2), length_ms).map((at_ms): Step => {
    return { at_ms, do: "pretend", as: r.pick(IMPOSTORS), which: r.int(0, 50) };
  });
}

/**
 * An item is known to be sold out; it is restocked, and at that moment the request's isolate and
 * the stock Worker go, so that nobody hears of it. When the level is too old to be trusted, the
 * gate has to let buyers in again.
 */
function addBlackout(r: Random, plan: Plan): void {
  const [item] = plan.items;
  if (!item) return;
  const { sku } = item;
  Object.assign(item, { stock: 1, saleStartsAt_ms: null, saleEndsAt_ms: null });
  const from_ms = OPENING_MS + 3_000;
  plan.blackout = { from_ms, to_ms: from_ms + 125_000 };
  plan.heal_ms = Math.max(plan.heal_ms, from_ms + 130_000);
  plan.operator.push(
    { at_ms: OPENING_MS, do: "adjust", sku, delta: -1, clicks: 1 },
    { at_ms: from_ms - r.between(5, 30), do: "adjust", sku, delta: 5, clicks: 1 },
  );
  const lines = [{ sku, quantity: 1 }];
  const order = { lines, wait: 0, clicks: 1, otherLines: null, socket: null };
  const steps: Step[] = [10_000, 99_000, 110_000].map((after_ms, i) => {
    return { at_ms: from_ms + after_ms, do: "place", key: `late-${i}`, ...order };
  });
  // Its first order is pending all the time: who waits for it does so to the end, or hangs up. As many
  // hang up as an isolate lets wait (kernel/limits.ts), and later one waits alone.
  const hangsUpAfter_ms = r.between(50, 900);
  steps.push(
    { at_ms: from_ms + 14_000, do: "get", which: 0, wait: 10, hangsUpAfter_ms },
    { at_ms: from_ms + 16_000, do: "get", which: 0, wait: 10, hangsUpAfter_ms },
    { at_ms: from_ms + 60_000, do: "get", which: 0, wait: 10 },
  );
  plan.clients.push({ name: "late", skew_ms: 0, steps });
}

function itemsFor(r: Random, length_ms: number): ItemPlan[] {
  const count = r.pick([1, 2, 3, 4]);
  return Array.from({ length: count }, (_, i) => {
    const window = r.chance(0.2);
    return {
      sku: `item-${i + 1}`,
      stock: r.pick([0, 1, 1, 2, 3, 5, 20]),
      limitPerCustomer: r.chance(0.35) ? r.int(1, 3) : null,
      paymentWindow_s: null,
      saleStartsAt_ms: window && r.chance(0.7) ? OPENING_MS + r.int(0, length_ms / 3) : null,
      saleEndsAt_ms: window && r.chance(0.5) ? OPENING_MS + r.int(length_ms / 2, length_ms) : null,
    };
  });
}

/** The first at the same moment as everybody's (a rush), or spread out. */
function timesFor(r: Random, count: number, length_ms: number): number[] {
  const rush_ms = r.chance(0.5) ? r.int(0, r.pick([3, 50])) : null;
  const times = Array.from({ length: count }, () => OPENING_MS + r.between(0, length_ms));
  if (rush_ms !== null && times.length > 0) times[0] = OPENING_MS + rush_ms;
  return times.sort((a, b) => a - b);
}

function clientFor(r: Random, name: string, skus: string[], length_ms: number): ClientPlan {
  let keys = 0;
  const watches = r.chance(0.7);
  const place = (at_ms: number): Step => {
    // The same keys for everybody: they are each customer's own.
    const key = r.chance(0.75) ? `key-${++keys}` : null;
    return {
      at_ms,
      do: "place",
      lines: cartFor(r, skus),
      key,
      wait: r.pick([0, 0, 3, 10]),
      clicks: r.chance(0.2) ? r.int(2, 3) : 1,
      otherLines: key !== null && r.chance(0.08) ? cartFor(r, skus) : null,
      socket:
        watches && r.chance(0.3)
          ? { does: r.pick(["drop", "reload"]), after_ms: r.between(0, r.pick([20, 100, 1_000])) }
          : null,
    };
  };
  const steps = timesFor(r, r.int(1, 7), length_ms).map((at_ms, i): Step => {
    const roll = i === 0 ? 0 : r.next();
    if (roll < 0.5) return place(at_ms);
    if (roll < 0.66) return { at_ms, do: "cancel", which: r.int(0, 5), isLate: r.chance(0.25) };
    if (roll < 0.74) return { at_ms, do: "get", which: r.int(0, 5), wait: r.pick([0, 5, 10]) };
    if (roll < 0.78) return { at_ms, do: "spy", which: r.int(0, 5), wait: 0 };
    if (roll < 0.82) return { at_ms, do: "list" };
    if (roll < 0.84) return { at_ms, do: "guest" };
    if (roll < 0.86) return { at_ms, do: "ping" };
    if (roll < 0.9) return { at_ms, do: "close" };
    return { at_ms, do: watches ? "drop" : "connect" };
  });
  if (watches)
    steps.unshift({
      at_ms: OPENING_MS + (r.chance(0.5) ? 0 : r.between(0, length_ms)),
      do: "connect",
    });
  return { name, skew_ms: r.int(-20_000, 20_000), steps };
}

/** Several lines come in any order, so that two carts meet from opposite ends. */
function cartFor(r: Random, skus: string[]): CartLine[] {
  const count = r.pick([1, 1, 1, 2, 2, 3]);
  const lines = r
    .shuffle([...skus])
    .slice(0, count)
    .map((sku) => ({ sku, quantity: r.pick([1, 1, 1, 2, 3]) }));
  if (r.chance(0.03)) lines.push({ sku: "no-such-item", quantity: 1 });
  // The same SKU twice is merged at the door.
  const [first] = lines;
  if (first && r.chance(0.05)) lines.push({ sku: first.sku, quantity: 1 });
  return lines;
}

function tillFor(r: Random, length_ms: number): TillStep[] {
  return timesFor(r, r.int(0, 12), length_ms).map((at_ms): TillStep => {
    const roll = r.next();
    const which = r.int(0, 50);
    if (roll < 0.5) {
      const off = r.chance(0.15) ? r.pick([-1, 1, 100]) : 0;
      const copies = r.chance(0.3) ? r.int(2, 3) : 1;
      return { at_ms, do: "notice", which, off, copies, isLate: r.chance(0.4) };
    }
    if (roll < 0.62) return { at_ms, do: "notice again", which, isAltered: r.chance(0.3) };
    if (roll < 0.7) return { at_ms, do: "refunded", which };
    if (roll < 0.78) return { at_ms, do: "extend", which, seconds: r.pick([1, 5, 60]) };
    const share = r.pick([0.3, 0.5, 1, 1]);
    const copies = r.chance(0.3) ? 2 : 1;
    return { at_ms, do: "return", which, share, restock: r.chance(0.7), copies };
  });
}

function operatorFor(r: Random, skus: string[], length_ms: number): Step[] {
  return timesFor(r, r.int(0, 10), length_ms).map((at_ms): Step => {
    const roll = r.next();
    const sku = r.pick(skus);
    if (roll < 0.4) return { at_ms, do: "pay", which: r.int(0, 50), isLate: r.chance(0.5) };
    if (roll < 0.65) {
      return {
        at_ms,
        do: "adjust",
        sku,
        delta: r.pick([1, 1, 2, 5, -1, -2]),
        clicks: r.chance(0.3) ? 2 : 1,
      };
    }
    if (roll < 0.72) return { at_ms, do: "replay" };
    if (roll < 0.8) return { at_ms, do: "compare", repair: r.chance(0.5) };
    if (roll < 0.93) {
      const limitPerCustomer = r.chance(0.5) ? r.int(1, 3) : null;
      const price = r.int(1, 500);
      return { at_ms, do: "put", sku, price, limitPerCustomer, paymentWindow_s: null };
    }
    return { at_ms, do: "operations" };
  });
}
