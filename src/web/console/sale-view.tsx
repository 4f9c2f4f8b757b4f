import { ok, type Operations } from "../shared/api.ts";
import { count, duration, plural } from "../shared/format.ts";
import { ProblemNotice } from "../shared/notices.tsx";
import type { Polled } from "../shared/polled.ts";
import { useStore } from "../shared/store.ts";
import { ItemView } from "./item-view.tsx";
import { ItemsView } from "./items-view.tsx";
import { DemandPlot, lastHour, LatencyPlot, OrdersPlot } from "./plots.tsx";
import { hrefOf, place } from "./route.ts";
import { client } from "./session.ts";

export const askOperations = (): Promise<Operations> => ok(client.v1.operations.$get());

/** The overview of the sale. */
export function SaleView({ operations }: { operations: Polled<Operations> }) {
  const { data, problem } = operations;
  const { params } = useStore(place);
  if (params["item"]) {
    return <ItemView key={params["item"]} sku={params["item"]} />;
  }
  return (
    <>
      {problem ? <ProblemNotice problem={problem} /> : <></>}
      <section aria-labelledby="glance-title">
        <h2 id="glance-title" class="visually-hidden">
          At a glance
        </h2>
        <Tiles data={data} />
        <div class="plots">
          <OrdersPlot perMinute={data?.perMinute ?? lastHour()} />
          <LatencyPlot perMinute={data?.perMinute ?? lastHour()} />
          <DemandPlot perMinute={data?.perMinute ?? lastHour()} />
          <RefusedAtDoor items={data?.refusedAtDoor ?? []} />
        </div>
      </section>
      <ItemsView />
    </>
  );
}

/** Who was refused has no order: for which items, and how many units they wanted. */
function RefusedAtDoor({ items }: { items: Operations["refusedAtDoor"] }) {
  return (
    <section class="panel" aria-labelledby="door-title">
      <h3 id="door-title">Refused at the door, last hour</h3>
      {items.length === 0 ? (
        <p class="hint">Nobody. It counts orders that were refused without being placed.</p>
      ) : (
        <ul class="letters">
          {items.map(({ sku, orders, units }) => (
            <li class="refused digits" key={sku} data-refused={sku}>
              <a href={hrefOf("sale", { item: sku })}>{sku}</a>
              <span>{plural(orders, "order")}</span>
              <span>{plural(units, "unit")}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Tiles({ data }: { data: Operations | null }) {
  const unsettled = data?.unsettled;
  const isStockAway = data?.alerts.some(({ code }) => code === "stock_away") ?? false;
  return (
    <dl class="tiles">
      <Tile
        name="Pending"
        className="pending"
        value={data?.orders.pending}
        note="stock undecided"
      />
      <Tile
        name="Confirmed"
        className="confirmed"
        value={data?.orders.confirmed}
        note="stock held"
      />
      <Tile name="Paid" className="paid" value={data?.orders.paid} note={soldNote(data)} />
      <Tile
        name="Cancelled"
        className="cancelled"
        value={data?.orders.cancelled}
        note="or refused"
      />
      <Tile
        name="Unsettled"
        value={unsettled?.count}
        note={
          unsettled?.count
            ? `oldest ${duration(unsettled.oldestAgeSeconds * 1_000)}`
            : isStockAway
              ? "the stock does not answer"
              : "all settled"
        }
        isWarning={isStockAway || (unsettled?.oldestAgeSeconds ?? 0) > 60}
      />
      <Tile
        name="Dead letters"
        value={data?.deadLetters}
        note={data?.breaches ? plural(data.breaches, "breach", "breaches") : "no breaches"}
        isWarning={(data?.deadLetters ?? 0) + (data?.breaches ?? 0) > 0}
      />
    </dl>
  );
}

const soldNote = (data: Operations | null): string =>
  data?.orders.returned ? `sold, ${count(data.orders.returned)} more returned` : "sold";

interface TileProps {
  name: string;
  value: number | undefined;
  note: string;
  className?: string;
  isWarning?: boolean;
}

function Tile({ name, value, note, className = "", isWarning = false }: TileProps) {
  return (
    <div class={`tile ${className} ${isWarning ? "warning" : ""}`}>
      <dt>{name}</dt>
      <dd class="digits">
        {value === undefined ? "–" : count(value)} <small>{value === undefined ? "" : note}</small>
      </dd>
    </div>
  );
}
