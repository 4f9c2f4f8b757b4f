import { useState } from "preact/hooks";
import { confirmed } from "../shared/dialog.tsx";
import { count, money } from "../shared/format.ts";
import { Empty, ProblemNotice } from "../shared/notices.tsx";
import { usePolled } from "../shared/polled.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { ItemDialog } from "./item-dialog.tsx";
import { archive, readItems, restore, setPaused, type StockedItem } from "./items.ts";
import { LedgerDialog } from "./ledger-dialog.tsx";
import { LevelBar, LevelLegend } from "./level-bar.tsx";
import { StockDialog } from "./stock-dialog.tsx";

type Opened =
  | { type: "create" }
  | { type: "edit" | "restock" | "adjust" | "ledger"; item: StockedItem };

export function ItemsTable() {
  // The cursors of all pages up to the current one, which is the last.
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const [opened, setOpened] = useState<Opened | null>(null);
  const cursor = cursors.at(-1) ?? null;
  const page = usePolled(`items ${cursor}`, () => readItems(cursor));
  const [problem, setProblem] = useState<LockstockProblem | null>(null);
  const change = async (work: () => Promise<void>) => {
    setProblem(null);
    await work().catch((error: unknown) => setProblem(asProblem(error)));
    page.refresh();
  };
  const toggleArchived = async (item: StockedItem) => {
    if (item.status === "archived") await restore(item);
    else if (await isArchivingWanted(item)) await archive(item);
  };
  const togglePaused = async (item: StockedItem) => {
    if (item.paused || (await isPausingWanted(item))) await setPaused(item, !item.paused);
  };
  const close = () => setOpened(null);
  const done = () => {
    setOpened(null);
    page.refresh();
  };
  const next = page.data?.nextCursor ?? null;
  return (
    <section class="panel items-panel" aria-labelledby="items-title">
      <div class="section-head">
        <h2 id="items-title">Items</h2>
        <LevelLegend />
        <button type="button" class="button small" onClick={() => setOpened({ type: "create" })}>
          New item
        </button>
      </div>
      {problem || page.problem ? (
        <ProblemNotice problem={(problem ?? page.problem) as LockstockProblem} />
      ) : (
        <></>
      )}
      {page.data?.items.length === 0 ? (
        <Empty title="No items yet" text="Create one, then receive its first units." />
      ) : (
        <Table
          items={page.data?.items ?? null}
          onOpen={setOpened}
          onArchive={(item) => void change(() => toggleArchived(item))}
          onPause={(item) => void change(() => togglePaused(item))}
        />
      )}
      {cursors.length > 1 || next !== null ? (
        <div class="pager">
          <button
            type="button"
            class="button small quiet"
            aria-disabled={cursors.length === 1 ? "true" : "false"}
            onClick={() => cursors.length > 1 && setCursors(cursors.slice(0, -1))}
          >
            Back
          </button>
          <span class="hint">Page {count(cursors.length)}</span>
          <button
            type="button"
            class="button small quiet"
            aria-disabled={next === null ? "true" : "false"}
            onClick={() => next !== null && setCursors([...cursors, next])}
          >
            Next
          </button>
        </div>
      ) : (
        <></>
      )}
      <Dialogs opened={opened} onClose={close} onDone={done} />
    </section>
  );
}

interface DialogsProps {
  opened: Opened | null;
  onClose: () => void;
  onDone: () => void;
}

function Dialogs({ opened, onClose, onDone }: DialogsProps) {
  if (!opened) return <></>;
  const handlers = { onClose, onDone };
  switch (opened.type) {
    case "create":
      return <ItemDialog item={null} {...handlers} />;
    case "edit":
      return <ItemDialog item={opened.item} {...handlers} />;
    case "restock":
    case "adjust":
      return <StockDialog item={opened.item} kind={opened.type} {...handlers} />;
    case "ledger":
      return <LedgerDialog item={opened.item} onClose={onClose} />;
  }
}

const NUMBERS = ["available", "held", "sold", "received"] as const;
const ROWS_WHILE_LOADING = 4;

/** The roles are explicit because on phones the style sheet turns rows into cards. */
interface TableProps extends ItemActions {
  items: readonly StockedItem[] | null;
}

function Table({ items, ...actions }: TableProps) {
  return (
    <table
      class="items-table"
      role="table"
      aria-labelledby="items-title"
      aria-busy={`${items === null}`}
    >
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader">Item</th>
          <th role="columnheader">Stock</th>
          {NUMBERS.map((name) => (
            <th role="columnheader" class="number">
              {name}
            </th>
          ))}
          <th role="columnheader">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {items
          ? items.map((item) => <Row key={item.sku} item={item} {...actions} />)
          : Array.from({ length: ROWS_WHILE_LOADING }, (_, i) => (
              <tr role="row" class="skeleton-row" key={`s${i}`}>
                <td role="cell" colSpan={7} />
              </tr>
            ))}
      </tbody>
    </table>
  );
}

interface ItemActions {
  onOpen: (opened: Opened) => void;
  /** Archives the item, or restores it. */
  onArchive: (item: StockedItem) => void;
  /** Pauses the item, or resumes it. */
  onPause: (item: StockedItem) => void;
}

interface RowProps extends ItemActions {
  item: StockedItem;
}

function Row({ item, onOpen, onArchive, onPause }: RowProps) {
  const { sku, name, price, level, status, paused } = item;
  const isArchived = status === "archived";
  return (
    <tr role="row" data-sku={sku}>
      <th role="rowheader" scope="row" class="item-cell">
        {name} {status === "listed" ? <></> : <span class="chip">{STATUS_LABELS[status]}</span>}
        {paused ? <span class="chip">Paused</span> : <></>}
        <small>
          <code>{sku}</code> · {money(price)}
          {item.limitPerCustomer ? ` · max. ${count(item.limitPerCustomer)} each` : ""}
        </small>
      </th>
      <td role="cell" class="bar-cell">
        <LevelBar level={level} label={name} />
      </td>
      {NUMBERS.map((part) => (
        <td role="cell" class={`number digits ${part}`} data-label={part}>
          {count(level[part])}
        </td>
      ))}
      <td role="cell" class="actions">
        {(["restock", "adjust", "edit", "ledger"] as const)
          .filter((type) => type !== "edit" || !isArchived)
          .map((type) => (
            <button
              type="button"
              class="button small quiet"
              aria-label={`${LABELS[type]}: ${name}`}
              onClick={() => onOpen({ type, item })}
            >
              {LABELS[type]}
            </button>
          ))}
        <button
          type="button"
          class="button small quiet"
          aria-label={`${paused ? "Resume" : "Pause"}: ${name}`}
          onClick={() => onPause(item)}
        >
          {paused ? "Resume" : "Pause"}
        </button>
        <button
          type="button"
          class="button small quiet"
          aria-label={`${isArchived ? "Restore" : "Archive"}: ${name}`}
          onClick={() => onArchive(item)}
        >
          {isArchived ? "Restore" : "Archive"}
        </button>
      </td>
    </tr>
  );
}

const LABELS = { restock: "Restock", adjust: "Adjust", edit: "Edit", ledger: "Ledger" } as const;

const STATUS_LABELS = { draft: "Draft", archived: "Archived" } as const;

const isArchivingWanted = ({ name }: StockedItem): Promise<boolean> =>
  confirmed({
    title: `Archive ${name}?`,
    text: "Buyers no longer see it and cannot order it. Its open orders go on. You can restore it.",
    action: "Archive",
  });

const isPausingWanted = ({ name }: StockedItem): Promise<boolean> =>
  confirmed({
    title: `Pause ${name}?`,
    text: "It takes no more orders until you resume it. Open orders can be paid and cancelled as before.",
    action: "Pause",
  });
