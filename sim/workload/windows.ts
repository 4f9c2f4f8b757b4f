import { Random } from "../../scripts/lib/random.ts";
import type { Plan } from "./steps.ts";

/** Some items have a payment window of their own, and some changes of items give them another one. */

const WINDOWS_S = [0, 60, 60, 75, 600];

/** From a stream of its own, so that the rest of the runs stays. */
export function addWindows(seed: number, plan: Plan): void {
  const r = new Random(seed, "payment windows");
  const next = () => (r.chance(0.35) ? r.pick(WINDOWS_S) : null);
  for (const item of plan.items) item.paymentWindow_s = next();
  for (const step of plan.operator) if (step.do === "put") step.paymentWindow_s = next();
}
