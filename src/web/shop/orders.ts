import type { Order } from "../../../packages/client/src/index.ts";
import { announce } from "../shared/announce.tsx";
import { now_ms } from "../shared/clock.ts";
import { Store } from "../shared/store.ts";
import { announcement } from "./words.ts";

/** The orders that this page knows, newest first. */
export const orders = new Store<readonly Order[]>([]);

/** Changes from before the page was opened are not read out. */
const opened_ms = Date.now();

/** Merges orders from any source; ignores lower revisions. */
export function learn(heard: readonly Order[]): void {
  const known = new Map(orders.get().map((order) => [order.id, order]));
  const news = heard.filter(({ id, revision }) => revision > (known.get(id)?.revision ?? 0));
  if (news.length === 0) return;
  for (const order of news) known.set(order.id, order);
  // Order ids are UUIDv7, so they sort by time.
  orders.set([...known.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)));
  for (const order of news) {
    const isRecent = Date.parse(order.updatedAt) > opened_ms + (now_ms() - Date.now());
    if (isRecent) announce(announcement(order));
  }
}

export function forgetOrders(): void {
  orders.set([]);
}

/** The latest `updatedAt` of the known orders; null: none is known. */
export function knownUntil(): string | null {
  const times = orders.get().map(({ updatedAt }) => updatedAt);
  return times.length > 0 ? times.reduce((a, b) => (a > b ? a : b)) : null;
}
