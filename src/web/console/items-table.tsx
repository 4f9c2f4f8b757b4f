import { clockTime, count, money } from "../shared/format.ts";
import type { ItemActions } from "./item-actions.tsx";
import type { StockedItem } from "./items.ts";
import { LevelBar } from "./level-bar.tsx";
import { hrefOf } from "./route.ts";

const NUMBERS = ["available", "held", "sold", "received"] as const;
const ROWS_WHILE_LOADING = 4;

/** The roles are explicit because on phones the style sheet turns rows into cards. */
interface TableProps extends ItemActions {
  items: readonly StockedItem[] | null;
}

export function ItemsTable({ items, ...actions }: TableProps) {
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
          <th role="columnheader">Sale</th>
          <th role="columnheader" class="bar-cell">
            Stock
          </th>
          {NUMBERS.map((name) => (
            <th role="columnheader" class="number">
              {name}
            </th>
          ))}
          <th role="columnheader" class="actions">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {items
          ? items.map((item) => <Row key={item.sku} item={item} {...actions} />)
          : Array.from({ length: ROWS_WHILE_LOADING }, (_, i) => (
              <tr role="row" class="skeleton-row" key={`s${i}`}>
                <td role="cell" colSpan={8} />
              </tr>
            ))}
      </tbody>
    </table>
  );
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
        <a href={hrefOf("sale", { item: sku })}>
          <bdi>{name}</bdi>
        </a>
        <small>
          <code>{sku}</code> · {money(price)}
          {item.limitPerCustomer ? ` · max. ${count(item.limitPerCustomer)} each` : ""}
        </small>
      </th>
      <td role="cell" class="sale-cell">
        <SaleState item={item} />
      </td>
      <td role="cell" class="bar-cell">
        <LevelBar level={level} label={name} />
      </td>
      {NUMBERS.map((part) => (
        <td role="cell" class={`number digits ${part}`} data-label={part}>
          {count(level[part])}
        </td>
      ))}
      <td role="cell" class="actions">
        <button
          type="button"
          class={`button small ${paused ? "" : "danger"}`}
          aria-label={`${paused ? "Resume" : "Pause"}: ${name}`}
          onClick={() => onPause(item)}
        >
          {paused ? "Resume" : "Pause"}
        </button>
        {(["restock", "adjust", "edit", "ledger"] as const)
          .filter((type) => type !== "edit" || !isArchived)
          .map((type) => (
            <button
              type="button"
              class="button small quiet"
              aria-label={`${ACTION_LABELS[type]}: ${name}`}
              onClick={() => onOpen({ type, item })}
            >
              {ACTION_LABELS[type]}
            </button>
          ))}
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

export const ACTION_LABELS = {
  restock: "Restock",
  adjust: "Adjust",
  edit: "Edit",
  ledger: "Ledger",
} as const;

const STATUS_LABELS = { draft: "Draft", archived: "Archived" } as const;

/** Whether it can be ordered now, by what stands in the item, and until or from when. */
export function SaleState({ item }: { item: StockedItem }) {
  const { status, paused, saleState, saleStartsAt, saleEndsAt } = item;
  const [state, word] =
    status !== "listed"
      ? ["off", STATUS_LABELS[status]]
      : paused
        ? ["cancelled", "Paused"]
        : SALE_WORDS[saleState];
  const at = saleState === "upcoming" ? saleStartsAt : saleEndsAt;
  return (
    <>
      <span class={`chip ${state}`}>{word}</span>
      {at ? (
        <small class="hint">
          {TIME_WORDS[saleState]} <time dateTime={at}>{clockTime(at)}</time>
        </small>
      ) : (
        <></>
      )}
    </>
  );
}

const SALE_WORDS = {
  open: ["confirmed", "On sale"],
  upcoming: ["pending", "Upcoming"],
  ended: ["off", "Ended"],
} as const;
const TIME_WORDS = { open: "until", upcoming: "from", ended: "at" } as const;
