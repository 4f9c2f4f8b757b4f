import { useState } from "preact/hooks";
import { count } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { useStore } from "../shared/store.ts";
import { useItemActions } from "./item-actions.tsx";
import { ItemsTable } from "./items-table.tsx";
import { readItems, type Sort, SORTS } from "./items.ts";
import { LevelLegend } from "./level-bar.tsx";
import { place, search } from "./route.ts";
import { SearchBox } from "./search-box.tsx";

const SORT_WORDS: Record<Sort, string> = {
  sale: "On sale first",
  sku: "By SKU",
  saleStartsAt: "By start of sale",
};

const isSort = (text: string): text is Sort => (SORTS as readonly string[]).includes(text);

/** All items. What is searched and how they are sorted is in the URL. */
export function ItemsView() {
  const { params } = useStore(place);
  const asked = params["sort"] ?? "";
  const query = { q: params["q"] ?? "", sort: isSort(asked) ? asked : SORTS[0] };
  // Another search begins on its first page.
  return <Items key={`${query.sort} ${query.q}`} query={query} />;
}

function Items({ query }: { query: { q: string; sort: Sort } }) {
  // The cursors of all pages up to the current one, which is the last.
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const cursor = cursors.at(-1) ?? null;
  const page = usePolled(`items ${query.sort} ${query.q} ${cursor}`, () =>
    readItems(query, cursor),
  );
  const { actions, problem, dialog } = useItemActions(page.refresh);
  const shown = problem ?? page.problem;
  const isEmpty = page.data?.items.length === 0;
  return (
    <section class="panel items-panel" aria-labelledby="items-title">
      <div class="section-head">
        <h2 id="items-title">Items</h2>
        <LevelLegend />
        <button
          type="button"
          class="button small"
          onClick={() => actions.onOpen({ type: "create" })}
        >
          New item
        </button>
      </div>
      <div class="section-head">
        <SearchBox label="Search by SKU or name" placeholder="SKU or name" q={query.q} />
        <label class="sort">
          <span class="visually-hidden">Sort</span>
          <select onChange={(event: Event) => search({ sort: valueOf(event) })}>
            {SORTS.map((name) => (
              <option value={name} selected={name === query.sort}>
                {SORT_WORDS[name]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {shown ? <ProblemNotice problem={shown} /> : <></>}
      {isEmpty && query.q !== "" ? (
        <Empty title="No such item" text={`None has “${query.q}” in its SKU or name.`} />
      ) : isEmpty && cursor === null ? (
        <FirstSteps />
      ) : (
        <ItemsTable items={page.data?.items ?? null} {...actions} />
      )}
      <Pager cursors={cursors} next={page.data?.nextCursor ?? null} onGo={setCursors} />
      {dialog}
    </section>
  );
}

const valueOf = ({ target }: Event): string =>
  target instanceof HTMLSelectElement ? target.value : "";

/** What to do with an empty shop. */
function FirstSteps() {
  return (
    <div class="empty first-steps">
      <strong>Your shop has no items yet</strong>
      <ol>
        <li>
          <b>Create an item</b> with “New item”. It begins as a draft, which buyers do not see.
        </li>
        <li>
          <b>Give it its units</b>, there or with “Restock”.
        </li>
        <li>
          <b>Set its status to Listed</b> with “Edit”: it is in the shop at once, and can be ordered
          from the start of its sale.
        </li>
      </ol>
      <span>
        Many items at once: <code>npm run import -- items.csv</code>.
      </span>
    </div>
  );
}

interface PagerProps {
  cursors: readonly (string | null)[];
  next: string | null;
  onGo: (cursors: (string | null)[]) => void;
}

function Pager({ cursors, next, onGo }: PagerProps) {
  if (cursors.length === 1 && next === null) return <></>;
  return (
    <div class="pager">
      <button
        type="button"
        class="button small quiet"
        aria-disabled={cursors.length === 1 ? "true" : "false"}
        onClick={() => cursors.length > 1 && onGo(cursors.slice(0, -1))}
      >
        Back
      </button>
      <span class="hint">Page {count(cursors.length)}</span>
      <button
        type="button"
        class="button small quiet"
        aria-disabled={next === null ? "true" : "false"}
        onClick={() => next !== null && onGo([...cursors, next])}
      >
        Next
      </button>
    </div>
  );
}
