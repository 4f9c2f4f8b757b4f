import { useState } from "preact/hooks";
import { ok, type Order, type Status } from "../shared/api.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { textOf } from "./form.tsx";
import { OrderRow } from "./order-row.tsx";
import { client } from "./session.ts";
import { STATUS_WORDS } from "./words.ts";

const PAGE = "25";
const FILTERS = ["all", "pending", "confirmed", "paid", "returned", "cancelled"] as const;
type Filter = (typeof FILTERS)[number];

interface Page {
  orders: Order[];
  nextCursor: string | null;
}

async function readOrders(filter: Filter, id: string, cursor: string | null): Promise<Page> {
  if (id !== "") {
    const order = await ok(client.v1.orders[":id"].$get({ param: { id } }));
    return { orders: [order], nextCursor: null };
  }
  const query: { limit: string; status?: Status; cursor?: string } = {
    limit: PAGE,
    ...(filter !== "all" && { status: filter }),
    ...(cursor && { cursor }),
  };
  return await ok(client.v1.operations.orders.$get({ query }));
}

/** The orders of all customers, newest first. */
export function OrdersView() {
  const [filter, setFilter] = useState<Filter>("all");
  const [id, setId] = useState("");
  const key = `orders ${filter} ${id}`;
  const newest = usePolled(key, () => readOrders(filter, id, null));
  const [older, setOlder] = useState<(Page & { key: string }) | null>(null);
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const extra = older?.key === key ? older : null;
  const orders = merged(newest.data?.orders ?? [], extra?.orders ?? []).filter(
    ({ status }) => id !== "" || filter === "all" || status === filter,
  );
  const cursor = extra ? extra.nextCursor : (newest.data?.nextCursor ?? null);
  const more = async () => {
    try {
      const page = await readOrders(filter, id, cursor);
      setOlder({ key, orders: [...orders, ...page.orders], nextCursor: page.nextCursor });
      setProblem(null);
    } catch (error) {
      setProblem(asProblem(error));
    }
  };
  const shown = problem ?? newest.problem;
  return (
    <section class="panel" aria-labelledby="orders-title">
      <div class="section-head">
        <h2 id="orders-title">Orders</h2>
        <Search onSearch={setId} />
      </div>
      <div class="filters" role="group" aria-label="Status">
        {FILTERS.map((name) => (
          <button
            type="button"
            class="filter"
            aria-pressed={name === filter ? "true" : "false"}
            onClick={() => setFilter(name)}
          >
            {name === "all" ? "All" : STATUS_WORDS[name]}
          </button>
        ))}
      </div>
      {shown ? <ProblemNotice problem={shown} /> : <></>}
      {newest.data && orders.length === 0 ? (
        <Empty title="No such order" text="None has this status among those looked through." />
      ) : (
        <ul class="order-rows" aria-busy={`${newest.data === null && shown === null}`}>
          {orders.map((order) => (
            <OrderRow key={order.id} order={order} onChanged={newest.refresh} />
          ))}
        </ul>
      )}
      {cursor === null ? (
        <></>
      ) : (
        <button type="button" class="button quiet" onClick={() => void more()}>
          Older orders
        </button>
      )}
    </section>
  );
}

/** Keeps the higher revision of each order, newest first. */
function merged(newest: readonly Order[], older: readonly Order[]): Order[] {
  const byId = new Map(older.map((order) => [order.id, order]));
  for (const order of newest) {
    if (order.revision >= (byId.get(order.id)?.revision ?? 0)) byId.set(order.id, order);
  }
  return [...byId.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1));
}

function Search({ onSearch }: { onSearch: (id: string) => void }) {
  const search = (event: Event) => {
    event.preventDefault();
    if (!(event.target instanceof HTMLFormElement)) return;
    onSearch(textOf(new FormData(event.target), "id"));
  };
  return (
    <form class="search" role="search" onSubmit={search}>
      <input
        name="id"
        type="search"
        aria-label="Search by order id"
        placeholder="Order id"
        autocomplete="off"
        spellcheck={false}
        onSearch={(event: Event) => {
          const isCleared = event.target instanceof HTMLInputElement && event.target.value === "";
          if (isCleared) onSearch("");
        }}
      />
      <button type="submit" class="button small">
        Find
      </button>
    </form>
  );
}
