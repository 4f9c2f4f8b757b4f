import { measure, type Workload } from "../lib/measure.ts";
import { D1_ONLY, FLOOR, LANE, ONE_AT_A_TIME, QUEUE, type System } from "../lib/systems.ts";
import { type Scenario, scaled } from "./scenario.ts";

/** Orders under load: one hot item, many items, and carts. The gate is off: every order has a row. */

const SYSTEMS = [QUEUE, LANE, D1_ONLY, ONE_AT_A_TIME, FLOOR];

interface Shape {
  orders: number;
  lines: number;
  skus: number;
  unitsPerSku: number;
}

/** Order i takes the next `lines` SKUs in turn, so all SKUs are asked for equally often. */
function workload({ orders, lines, skus, unitsPerSku }: Shape): Workload {
  const sku = (n: number) => `SKU-${n % skus}`;
  return {
    units: new Map(Array.from({ length: skus }, (_, n) => [sku(n), unitsPerSku])),
    lines: Array.from({ length: orders }, (_, i) =>
      Array.from({ length: lines }, (__, l) => ({ sku: sku(i * lines + l), quantity: 1 })),
    ),
  };
}

function scenario(name: string, about: string, shape: Shape): Scenario {
  const systems = new Map<string, System>(SYSTEMS.map((system) => [system.name, system]));
  return {
    name,
    about,
    systems: [...systems.keys()],
    compares: ["settled_per_s", "outcome_p50_ms", "outcome_p99_ms", "stackCpu_s"],
    async measure(system, run) {
      const orders = scaled(shape.orders, run);
      const unitsPerSku = Math.max(1, scaled(shape.unitsPerSku * shape.skus, run) / shape.skus);
      const skus = Math.min(shape.skus, orders);
      const work = workload({ ...shape, orders, skus, unitsPerSku: Math.floor(unitsPerSku) });
      const known = systems.get(system) as System;
      return (await measure(known, work, run.concurrency, run.onProgress)).metrics;
    },
  };
}

export const hot = scenario("hot", "2,000 orders of one unit, one SKU, 1,000 units", {
  orders: 2_000,
  lines: 1,
  skus: 1,
  unitsPerSku: 1_000,
});

export const spread = scenario("spread", "2,000 orders of one unit over 100 SKUs of 10 units", {
  orders: 2_000,
  lines: 1,
  skus: 100,
  unitsPerSku: 10,
});

export const carts = scenario("carts", "1,000 orders of 5 lines over 200 SKUs of 20 units", {
  orders: 1_000,
  lines: 5,
  skus: 200,
  unitsPerSku: 20,
});
