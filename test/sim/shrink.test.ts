import { expect, it } from "vitest";
import { run, type RunOptions } from "../../sim/run.ts";
import { shrink } from "../../sim/shrink.ts";

/** Stands for a bug: no order is ever cancelled by its customer. */
const suspect: RunOptions["suspect"] = ({ orders }) => {
  const cancelled = [...orders.orders.values()].find(({ reason }) => reason === "customer_request");
  return cancelled ? `${cancelled.id} is cancelled` : null;
};

it("shortens a failing run to what it takes to fail", async () => {
  let failed = null;
  for (let seed = 1; !failed; seed++) {
    const result = await run({ seed, suspect });
    const { violations, plan, strikes } = result;
    // One in which faults strike too: they are to be left out like everything else.
    if (violations.length > 0 && plan.clients.length > 2 && strikes > 0) failed = result;
  }
  const { result, without } = await shrink(failed, { suspect });
  expect(result.violations[0]).toMatch(/is cancelled$/);
  expect(result.operations).toBeLessThan(failed.operations);
  expect(result.operations).toBeLessThanOrEqual(4);
  expect(result.strikes).toBeLessThanOrEqual(failed.strikes);
  const { plan, seed } = failed;
  expect((await run({ seed, plan, suspect, without })).hash).toBe(result.hash);
});
