import { ok, type Price } from "../shared/api.ts";
import { count, money, plural } from "../shared/format.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import { type Polled, usePolled } from "../shared/polled.ts";
import type { LockstockProblem } from "../shared/problem.ts";
import { DemandPlot, lastHour } from "./plots.tsx";
import { client } from "./session.ts";

/** The item looks through its orders for it, and hands out what it read for two seconds. */
const EVERY_MS = 5_000;

const askDemand = (sku: string) => ok(client.v1.items[":sku"].demand.$get({ param: { sku } }));

export type Demand = Awaited<ReturnType<typeof askDemand>>;

/** Asked of the item while its view is open. */
export const useDemand = (sku: string): Polled<Demand> =>
  usePolled(`demand ${sku}`, () => askDemand(sku), EVERY_MS);

const PARTS = [
  ["asked", "asked"],
  ["confirmed", "confirmed"],
  ["refused", "refused by the item"],
  ["refusedAtDoor", "refused at the door"],
] as const;

interface DemandViewProps {
  demand: Demand | null;
  problem: LockstockProblem | null;
}

/** What was asked for in the last hour, and what became of it. */
export function DemandView({ demand, problem }: DemandViewProps) {
  const orders = (part: (typeof PARTS)[number][0]): number =>
    (demand?.perMinute ?? []).reduce((sum, minute) => sum + minute[part], 0);
  return (
    <section aria-label="Demand">
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <dl class="tiles of-item">
        {PARTS.map(([part, label]) => (
          <div class="tile" data-part={part} key={part}>
            <dt>{label}</dt>
            <dd class="digits">
              {demand ? count(orders(part)) : "–"}{" "}
              <small>{demand ? plural(demand.units[part], "unit") : "units"}, last hour</small>
            </dd>
          </div>
        ))}
      </dl>
      {demand?.partial ? (
        <p class="hint">There were more orders than are counted: the earliest minutes lack some.</p>
      ) : (
        <></>
      )}
      <DemandPlot perMinute={demand?.perMinute ?? lastHour()} />
    </section>
  );
}

/** What the units were sold for: the price may have changed since, and its currency. */
export function RevenueTile({ demand, price }: { demand: Demand | null; price: Price }) {
  const sums = demand?.revenue.length ? demand.revenue : [{ ...price, amount: 0 }];
  const missing = demand?.unitsWithoutPrice ?? 0;
  return (
    <div class="tile" data-part="revenue">
      <dt>revenue</dt>
      <dd class="digits">
        {demand ? sums.map((sum) => <span key={sum.currency}>{money(sum)}</span>) : "–"}{" "}
        <small>
          {missing === 0
            ? "at the prices of the orders"
            : `without ${plural(missing, "unit")} sold at a price that is not known`}
        </small>
      </dd>
    </div>
  );
}
