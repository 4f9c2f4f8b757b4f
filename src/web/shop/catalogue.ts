import type { Item } from "../../../packages/client/src/index.ts";
import { load, save } from "../shared/local.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";
import { client, ONCE } from "./session.ts";

/** The items for sale, reloaded while the page is visible. */

const PERIOD_MS = 2_000;
/** Waits after failures double up to this limit. */
const MAX_PERIOD_MS = 20_000;
const MAX_PAGES = 5;
const MOST_KEY = "lockstock.most";

export const items = new Store<Item[] | null>(null);
export const catalogueProblem = new Store<LockstockProblem | null>(null);

/** The most units seen of each item, which a full bar represents. */
const most = new Map<string, number>(
  Object.entries(load(localStorage, MOST_KEY, isRecord) ?? {}).flatMap(([sku, n]) =>
    typeof n === "number" ? [[sku, n] as const] : [],
  ),
);

export const mostSeen = ({ sku, available }: Item): number =>
  Math.max(most.get(sku) ?? 0, available, 1);

export const nameOf = (sku: string): string =>
  items.get()?.find((item) => item.sku === sku)?.name ?? sku;

async function readAll(): Promise<Item[]> {
  const all: Item[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { items: found, nextCursor } = await client.items({ limit: 100, cursor, ...ONCE });
    all.push(...found);
    if (nextCursor === null) break;
    cursor = nextCursor;
  }
  return all;
}

let wait_ms = PERIOD_MS;
let timer: ReturnType<typeof setTimeout> | undefined;

export async function refreshCatalogue(): Promise<void> {
  clearTimeout(timer);
  try {
    const all = await readAll();
    remember(all);
    items.set(all);
    catalogueProblem.set(null);
    wait_ms = PERIOD_MS;
  } catch (error) {
    catalogueProblem.set(asProblem(error));
    wait_ms = Math.min(wait_ms * 2, MAX_PERIOD_MS);
  }
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.visibilityState === "visible") void refreshCatalogue();
  }, wait_ms);
}

export function watchCatalogue(): void {
  void refreshCatalogue();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void refreshCatalogue();
  });
}

function remember(all: readonly Item[]): void {
  let isNew = false;
  for (const { sku, available } of all) {
    if (available <= (most.get(sku) ?? 0)) continue;
    most.set(sku, available);
    isNew = true;
  }
  if (isNew) save(localStorage, MOST_KEY, Object.fromEntries(most));
}
