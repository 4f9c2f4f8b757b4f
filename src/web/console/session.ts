import { clientOf } from "../shared/api.ts";
import { load, save } from "../shared/local.ts";
import { Store } from "../shared/store.ts";

/** Only this tab stores the operator's token. */
const KEY = "lockstock.operator";
const isText = (value: unknown): value is string => typeof value === "string";

export const token = new Store<string | null>(load(sessionStorage, KEY, isText));
export const client = clientOf(() => token.get(), location.origin);

/** Null signs out. */
export function setToken(next: string | null): void {
  save(sessionStorage, KEY, next);
  token.set(next);
}

/** Demonstrations create buyers and orders, so they are available in a local run only. */
export const isLocalRun = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);
