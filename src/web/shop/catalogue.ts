import type { Item } from "../../../packages/client/src/index.ts";
import { Pace, type PollResult } from "../shared/pace.ts";
import { asProblem, type LockstockProblem } from "../shared/problem.ts";
import { Store } from "../shared/store.ts";
import { client, ONCE } from "./session.ts";

/** The items for sale, reloaded while the page is visible. */

const MAX_PAGES = 5;

export const items = new Store<Item[] | null>(null);
/** Whether `items` has all of the catalogue. */
export const isWhole = new Store<boolean>(false);
/** When `items` was read, by the own clock. */
export const readAt_ms = new Store<number | null>(null);
export const catalogueProblem = new Store<LockstockProblem | null>(null);

export const nameOf = (sku: string): string =>
  items.get()?.find((item) => item.sku === sku)?.name ?? sku;

async function readAll(): Promise<{ all: Item[]; isEnd: boolean }> {
  const all: Item[] = [];
  const isFirst = items.get() === null;
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { items: found, nextCursor } = await client.items({ limit: 100, cursor, ...ONCE });
    all.push(...found);
    // The further pages may take a second each, since all buyers share their reads.
    if (isFirst) items.set([...all]);
    if (nextCursor === null) return { all, isEnd: true };
    cursor = nextCursor;
  }
  return { all, isEnd: false };
}

const pace = new Pace();
let timer: ReturnType<typeof setTimeout> | undefined;

export async function refreshCatalogue(): Promise<void> {
  clearTimeout(timer);
  let result: PollResult;
  try {
    const before = JSON.stringify(items.get());
    const { all, isEnd } = await readAll();
    items.set(all);
    isWhole.set(isEnd);
    readAt_ms.set(Date.now());
    catalogueProblem.set(null);
    result = JSON.stringify(all) === before ? "same" : "moved";
  } catch (error) {
    const problem = asProblem(error);
    catalogueProblem.set(problem);
    result = problem;
  }
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (document.visibilityState === "visible") void refreshCatalogue();
  }, pace.after(result));
}

export function watchCatalogue(): void {
  void refreshCatalogue();
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void refreshCatalogue();
  });
}
