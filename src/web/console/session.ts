import { clientOf } from "../shared/api.ts";
import { load, save } from "../shared/local.ts";
import { Store } from "../shared/store.ts";

/** The operator's token is kept for this tab only. */
const KEY = "lockstock.operator";
const isText = (value: unknown): value is string => typeof value === "string";

export const token = new Store<string | null>(load(sessionStorage, KEY, isText));
export const client = clientOf(() => token.get(), location.origin);

/** Null signs out. */
export function setToken(next: string | null): void {
  save(sessionStorage, KEY, next);
  token.set(next);
}

/** Demonstrations that make buyers and orders are for a local run only. */
export const isLocalRun = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
