import { Store } from "../shared/store.ts";

/** The view is part of the URL, so that reload, sharing and Back work. */
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

const isView = (text: string): text is View => (VIEWS as readonly string[]).includes(text);

function current(): View {
  const name = location.hash.slice(1);
  return isView(name) ? name : "sale";
}

export const view = new Store<View>(current());
addEventListener("hashchange", () => view.set(current()));
