import { expect, it } from "vitest";
import { run } from "../../sim/run.ts";
import { OPENING_MS } from "../../sim/workload/plan.ts";
import type { Plan, Step } from "../../sim/workload/steps.ts";

/** A payment meets an order in the very moment in which it is confirmed. Found by seed 4, once. */
const plan: Plan = {
  vars: {},
  hasSmallLimits: false,
  isOutlived: false,
  isPutBack: false,
  isItemLost: false,
  items: [
    {
      sku: "item-1",
      stock: 20,
      limitPerCustomer: null,
      paymentWindow_s: null,
      saleStartsAt_ms: null,
      saleEndsAt_ms: null,
    },
  ],
  clients: [
    {
      name: "c1",
      skew_ms: 0,
      steps: Array.from({ length: 10 }, (_, i): Step => {
        const lines = [{ sku: "item-1", quantity: 1 }];
        const at_ms = OPENING_MS + i * 1_000;
        const once = { wait: 0, clicks: 1, otherLines: null, socket: null };
        return { at_ms, do: "place", lines, key: `${i}`, ...once };
      }),
    },
  ],
  operator: Array.from({ length: 100 }, (_, i) => {
    const at_ms = OPENING_MS + Math.floor(i / 10) * 1_000 + (i % 10) * 5;
    return { at_ms, do: "pay" as const, which: Math.floor(i / 10), isLate: false };
  }),
  impostor: [],
  reader: [],
  blackout: null,
  hang: null,
  heal_ms: OPENING_MS + 15_000,
};

it("answers a payment that came too early with the order as it then stood", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const { violations } = await run({ seed, plan });
    expect(violations).toEqual([]);
  }
});
