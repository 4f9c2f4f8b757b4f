import { Store } from "../shared/store.ts";

/** The view and what is searched there are part of the URL, so that reload, sharing and Back work. */
export const VIEWS = [
  "sale",
  "orders",
  "payments",
  "webhooks",
  "dead-letters",
  "reconcile",
  "demo",
] as const;
export type View = (typeof VIEWS)[number];

/** For instance `#orders?q=9f31c2aa&status=paid`. */
export interface Place {
  view: View;
  params: Readonly<Record<string, string>>;
}

const isView = (text: string): text is View => (VIEWS as readonly string[]).includes(text);

function current(): Place {
  const [name = "", query = ""] = location.hash.slice(1).split("?", 2);
  const params = Object.fromEntries(new URLSearchParams(query));
  return isView(name) ? { view: name, params } : { view: "sale", params: {} };
}

export const place = new Store<Place>(current());
addEventListener("hashchange", () => place.set(current()));

/** Empty parameters are left out. */
export function hrefOf(view: View, params: Record<string, string> = {}): string {
  const set = Object.entries(params).filter(([, value]) => value !== "");
  const query = new URLSearchParams(set).toString();
  return query === "" ? `#${view}` : `#${view}?${query}`;
}

/** Changes parameters of the current view. */
export function search(changes: Record<string, string>): void {
  const { view, params } = place.get();
  location.hash = hrefOf(view, { ...params, ...changes });
}
