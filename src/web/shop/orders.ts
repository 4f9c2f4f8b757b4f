import { announce } from "../shared/announce.tsx";
import type { Order } from "../shared/api.ts";
import { now_ms } from "../shared/clock.ts";
import { Store } from "../shared/store.ts";
import { announcement } from "../shared/words.ts";

/** The buyer's orders as far as this page knows them, newest first. */
export const orders = new Store<readonly Order[]>([]);

/** What happened before the page was opened is no news to be read out. */
const opened_ms = Date.now();

/** Takes in orders however they were heard of; a lower revision is old news. */
export function learn(heard: readonly Order[]): void {
  const known = new Map(orders.get().map((order) => [order.id, order]));
  const news = heard.filter(({ id, revision }) => revision > (known.get(id)?.revision ?? 0));
  if (news.length === 0) return;
  for (const order of news) known.set(order.id, order);
  // Ids of version 7: their order is their time order.
  orders.set([...known.values()].toSorted((a, b) => (a.id < b.id ? 1 : -1)));
  for (const order of news) {
    const isRecent = Date.parse(order.updatedAt) > opened_ms + (now_ms() - Date.now());
    if (isRecent) announce(announcement(order));
  }
}

export function forgetOrders(): void {
  orders.set([]);
}

/** The time of the latest change this page knows of; null: it knows of none. */
export function knownUntil(): string | null {
  const times = orders.get().map(({ updatedAt }) => updatedAt);
  return times.length > 0 ? times.reduce((a, b) => (a > b ? a : b)) : null;
}
