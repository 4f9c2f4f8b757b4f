import type { Stack } from "../lib/stack.ts";
import { type System, withStack } from "../lib/systems.ts";

/** Times of the steps on this machine: some for the batch, some for each order in it. */

export interface Fit {
  fixed_ms: number;
  each_ms: number;
}

export type Step = "place" | "lock" | "settle";
export const STEPS: readonly Step[] = ["place", "lock", "settle"];

export interface Calibration {
  at: string;
  fits: Record<Step, Fit>;
  /** What one order takes for good in D1 (with its key), and its lock with its movement in the item. */
  order_bytes: number;
  lock_bytes: number;
}

interface Timed {
  took_ms: Record<Step, number>;
  d1_bytes: number;
  item_bytes: number;
}

const SMALL = 1;
const LARGE = 200;
/** Orders of one timing. */
const ORDERS = { [SMALL]: 200, [LARGE]: 10_000 };
const BETWEEN = [10, 50, 100];
const BETWEEN_ORDERS = 2_000;

const SYSTEM: System = {
  name: "scaling",
  stack: { configs: ["bench/scaling/wrangler.toml"], database: "DB", migrations: "migrations" },
  outcome: "answer",
  stock: () => Promise.resolve([]),
};

/** Of the steps with a batch between those that the fit is made from. */
export interface Checked {
  step: Step;
  batch: number;
  predicted_ms: number;
  measured_ms: number;
}

const timesOf = (stack: Stack, batch: number, orders: number): Promise<Timed> =>
  stack.ask(0, `/time?batch=${batch}&rounds=${Math.ceil(orders / batch)}`) as Promise<Timed>;

export function calibrate(): Promise<{ calibration: Calibration; checked: Checked[] }> {
  return withStack(SYSTEM, async (stack) => {
    await stack.ask(0, "/stock");
    const warm = await timesOf(stack, LARGE, ORDERS[LARGE]);
    const large = await timesOf(stack, LARGE, ORDERS[LARGE]);
    const small = await timesOf(stack, SMALL, ORDERS[SMALL]);
    const fitOf = (step: Step): Fit => {
      const each_ms = (large.took_ms[step] - small.took_ms[step]) / (LARGE - SMALL);
      return { fixed_ms: small.took_ms[step] - SMALL * each_ms, each_ms };
    };
    const calibration: Calibration = {
      at: new Date().toISOString(),
      fits: { place: fitOf("place"), lock: fitOf("lock"), settle: fitOf("settle") },
      order_bytes: (large.d1_bytes - warm.d1_bytes) / ORDERS[LARGE],
      lock_bytes: (large.item_bytes - warm.item_bytes) / ORDERS[LARGE],
    };
    const checked: Checked[] = [];
    for (const batch of BETWEEN) {
      const { took_ms } = await timesOf(stack, batch, BETWEEN_ORDERS);
      for (const step of STEPS) {
        const { fixed_ms, each_ms } = calibration.fits[step];
        const predicted_ms = fixed_ms + batch * each_ms;
        checked.push({ step, batch, predicted_ms, measured_ms: took_ms[step] });
      }
    }
    return { calibration, checked };
  });
}
