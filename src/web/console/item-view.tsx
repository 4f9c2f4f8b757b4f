import { useEffect, useState } from "preact/hooks";
import { type Level, ok } from "../shared/api.ts";
import { count, countdown, linesText, plural } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { useNow } from "../shared/use-now.ts";
import { DemandView, RevenueTile, useDemand } from "./demand.tsx";
import { readHolds } from "./holds.ts";
import { useItemActions } from "./item-actions.tsx";
import { ACTION_LABELS, SaleState } from "./items-table.tsx";
import { readItem, type StockedItem } from "./items.ts";
import { LevelBar, LevelLegend } from "./level-bar.tsx";
import { OrderLink } from "./order-link.tsx";
import { hrefOf } from "./route.ts";
import { type Sample, Seconds } from "./seconds.tsx";
import { client } from "./session.ts";

/** Asked of the item itself. */
const LEVEL_EVERY_MS = 1_000;
const HOLDS_EVERY_MS = 5_000;
const HOLDS_SHOWN = 10;
/** Two minutes. */
const MAX_SAMPLES = 120;

/** One item's sale as it runs, by the second. */
export function ItemView({ sku }: { sku: string }) {
  const found = usePolled(`item ${sku}`, () => readItem(sku));
  const { actions, problem, dialog } = useItemActions(found.refresh);
  const item = found.data?.item ?? null;
  const shown = problem ?? found.problem;
  return (
    <section class="panel" aria-labelledby="item-title">
      <p class="back">
        <a href={hrefOf("sale")}>All items</a>
      </p>
      {shown ? <ProblemNotice problem={shown} /> : <></>}
      {item ? (
        <>
          <div class="section-head">
            <h2 id="item-title">
              <bdi>{item.name}</bdi> <small class="hint">{item.sku}</small>
            </h2>
            <span class="sale-cell">
              <SaleState item={item} />
            </span>
            <button
              type="button"
              class={`button ${item.paused ? "primary" : "danger"} pause`}
              onClick={() => actions.onPause(item)}
            >
              {item.paused ? "Resume the sale" : "Pause the sale"}
            </button>
          </div>
          <Running item={item} />
          <div class="row-actions">
            {(["restock", "adjust", "edit", "ledger"] as const).map((type) => (
              <button
                type="button"
                class="button small quiet"
                onClick={() => actions.onOpen({ type, item })}
              >
                {ACTION_LABELS[type]}
              </button>
            ))}
          </div>
        </>
      ) : found.problem === null && found.data === null ? (
        <Empty
          title={`Looking for ${sku}`}
          text="If there is no such item, nothing appears here."
        />
      ) : (
        <></>
      )}
      {dialog}
    </section>
  );
}

function Running({ item }: { item: StockedItem }) {
  const { sku, price } = item;
  const latest = usePolled(
    `level ${sku}`,
    () => ok(client.v1.items[":sku"].stock.$get({ param: { sku } })),
    LEVEL_EVERY_MS,
  );
  const level = latest.data ?? item.level;
  const demand = useDemand(sku);
  const samples = useSamples(latest.data);
  return (
    <>
      {latest.problem ? <ProblemNotice problem={latest.problem} /> : <></>}
      <LevelBar level={level} label={item.name} />
      <dl class="tiles of-item">
        {(["available", "held", "sold", "received"] as const).map((part) => (
          <div class={`tile ${part}`} data-part={part}>
            <dt>{part}</dt>
            <dd class="digits">{count(level[part])}</dd>
          </div>
        ))}
        <RevenueTile demand={demand.data} price={price} />
      </dl>
      <LevelLegend />
      <Seconds samples={samples} />
      <DemandView demand={demand.data} problem={demand.problem} />
      <RunningOut sku={sku} />
    </>
  );
}

/** The levels that came while the view was open, one a second. */
function useSamples(level: Level | null): readonly Sample[] {
  const [samples, setSamples] = useState<readonly Sample[]>([]);
  useEffect(() => {
    if (level === null) return;
    const { held, sold, available } = level;
    const sample = { at_ms: Date.now(), held, sold, available };
    setSamples((all) => [...all, sample].slice(-MAX_SAMPLES));
  }, [level]);
  return samples;
}

/** Holds whose time to pay ends next: their units go back on sale. */
function RunningOut({ sku }: { sku: string }) {
  const found = usePolled(`holds ${sku}`, () => readHolds(sku), HOLDS_EVERY_MS);
  const now = useNow(true);
  const open = (found.data?.holds ?? []).filter(({ payBy_ms }) => payBy_ms > now);
  const soon = open.filter(({ payBy_ms }) => payBy_ms < now + 60_000);
  const units = soon.reduce((sum, hold) => sum + hold.units, 0);
  return (
    <section aria-labelledby="holds-title">
      <h3 id="holds-title">Holds that run out</h3>
      {found.problem ? <ProblemNotice problem={found.problem} /> : <></>}
      <p class="hint">
        {found.data === null
          ? "…"
          : `${plural(units, "unit")} in the next minute, unless they are paid.`}
        {found.data?.isPart ? " Of the newest holds only: there are more." : ""}
      </p>
      <ul class="letters holds">
        {open.slice(0, HOLDS_SHOWN).map(({ order, units: held, payBy_ms }) => (
          <li class="hold" key={order.id} title={linesText(order.lines)}>
            <time class="digits">{countdown(payBy_ms - now)}</time>
            <span>{plural(held, "unit")}</span>
            <span>
              order <OrderLink id={order.id} isShort />
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
