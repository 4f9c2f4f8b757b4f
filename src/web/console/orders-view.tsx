import { useEffect, useState } from "preact/hooks";
import type { Status } from "../shared/api.ts";
import { dayAndTime, plural } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { useStore } from "../shared/store.ts";
import { OrderRow } from "./order-row.tsx";
import { FILTERS, heldList, type OrderList, readOrders, readPage } from "./orders.ts";
import { place, search } from "./route.ts";
import { SearchBox } from "./search-box.tsx";
import { STATUS_WORDS } from "./words.ts";

const isStatus = (text: string): text is Status => (FILTERS as readonly string[]).includes(text);

/** The orders of all customers, newest first. */
export function OrdersView() {
  const { params } = useStore(place);
  const [q, asked] = [params["q"] ?? "", params["status"] ?? ""];
  const status = isStatus(asked) ? asked : "";
  return (
    <section class="panel" aria-labelledby="orders-title">
      <div class="section-head">
        <h2 id="orders-title">Orders</h2>
        <SearchBox
          label="Search by order id, customer, SKU or name"
          placeholder="Order id, customer, SKU or name"
          q={q}
        />
      </div>
      <div class="filters" role="group" aria-label="Status">
        {(["", ...FILTERS] as const).map((name) => (
          <button
            type="button"
            class="filter"
            aria-pressed={name === status ? "true" : "false"}
            onClick={() => search({ status: name })}
          >
            {name === "" ? "All" : STATUS_WORDS[name]}
          </button>
        ))}
      </div>
      {/* Another search is another list. */}
      <List key={`${status} ${q}`} q={q} status={status} />
    </section>
  );
}

function List({ q, status }: { q: string; status: Status | "" }) {
  const query = { q, status };
  const [held, setHeld] = useState<OrderList | null>(null);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  // The first look goes as far as it has to; from then on only the newest matter.
  const latest = usePolled(`orders ${status} ${q}`, () =>
    held === null ? readOrders(query, null) : readPage(query, null),
  );
  const isEmpty = held === null || held.orders.length === 0;
  useEffect(() => {
    if (isEmpty && latest.data) setHeld(latest.data);
  }, [isEmpty, latest.data]);
  const more = async (from: OrderList) => {
    setProblem(null);
    try {
      const page = await readOrders(query, from.nextCursor);
      setHeld({ ...page, orders: [...from.orders, ...page.orders] });
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const shown = problem ?? latest.problem;
  const list = held && heldList(held, latest.data);
  return (
    <>
      {shown ? <ProblemNotice problem={shown} /> : <></>}
      {list && list.arrived > 0 ? (
        <button
          type="button"
          class="button arrived"
          onClick={() => latest.data && setHeld(latest.data)}
        >
          {plural(list.arrived, "new order")}
          {latest.data?.nextCursor && list.arrived === latest.data.orders.length ? " or more" : ""}
        </button>
      ) : (
        <></>
      )}
      {list?.orders.length === 0 ? (
        <Empty title="No such order" text={emptyWords(q, held?.searchedTo ?? null)} />
      ) : (
        <ul class="order-rows" aria-busy={`${list === null && shown === null}`}>
          {list?.orders.map((order) => (
            <OrderRow key={order.id} order={order} />
          ))}
        </ul>
      )}
      {held === null || held.nextCursor === null ? (
        <></>
      ) : (
        <button type="button" class="button quiet" onClick={() => void more(held)}>
          {q === "" ? "Older orders" : "Search further back"}
        </button>
      )}
    </>
  );
}

function emptyWords(q: string, searchedTo: string | null): string {
  const what = q === "" ? "None has this status" : `None has “${q}” as its id, customer or item`;
  return searchedTo === null ? `${what}.` : `${what}, back to ${dayAndTime(searchedTo)}.`;
}
