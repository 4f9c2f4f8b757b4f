import { createClient } from "../../../packages/client/src/index.ts";
import { fetchWithClock, now_ms } from "../shared/clock.ts";
import { load, save } from "../shared/local.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";
import { withToken } from "./challenge.ts";

/** The buyer: a guest, whose token this browser stores. */
export interface Guest {
  customerId: string;
  token: string;
  /**
   * Whether the guest has ordered or tried to; its token is the only access to these orders.
   * Missing: an older version of the page, which did not record this, stored the guest.
   */
  hasOrders?: boolean;
}

const KEY = "lockstock.guest";

const isGuest = (value: unknown): value is Guest =>
  isRecord(value) && typeof value["customerId"] === "string" && typeof value["token"] === "string";

export const guest = new Store<Guest | null>(load(localStorage, KEY, isGuest));
export const client = createClient({
  url: location.origin,
  fetch: fetchWithClock,
  token: () => guest.get()?.token ?? null,
});

/** For calls whose failure the page shows at once; it tries again by itself, or the buyer does. */
export const ONCE = { timeout_ms: 0 } as const;

let asking: Promise<Guest> | null = null;

/**
 * Returns the guest, and creates one if there is none. Throws `LockstockProblem` when that fails.
 * With Turnstile it waits for the buyer, for as long as it takes.
 */
export async function requireGuest(): Promise<Guest> {
  const known = guest.get();
  if (known) return known;
  asking ??= newGuest().finally(() => (asking = null));
  const fresh: Guest = { ...(await asking), hasOrders: false };
  save(localStorage, KEY, fresh);
  guest.set(fresh);
  return fresh;
}

async function newGuest(): Promise<Guest> {
  const { turnstile } = await client.config(ONCE);
  if (!turnstile) return client.createGuest(ONCE);
  return withToken((turnstileToken) => client.createGuest({ ...ONCE, turnstileToken }));
}

/** Whether the server rejects the token of a guest with orders. */
export const isRefused = new Store<boolean>(false);

/** Called when the server has accepted the guest's token. `hasOrders`: it returned orders. */
export function acceptGuest(hasOrders: boolean): void {
  isRefused.set(false);
  if (hasOrders) markOrdered();
}

/** Called before an order is sent: from then on it may exist, whatever the response is. */
export function markOrdered(): void {
  const known = guest.get();
  if (!known || known.hasOrders === true) return;
  const marked: Guest = { ...known, hasOrders: true };
  save(localStorage, KEY, marked);
  guest.set(marked);
}

/**
 * Called when the server has rejected this guest's token. A guest without orders is dropped, and
 * the next `requireGuest` creates another. A guest with orders is kept until its token expires,
 * since the server may be at fault, e.g. when its secret was rotated without
 * `AUTH_SECRET_PREVIOUS`.
 */
export function refuseGuest(refused: Guest): void {
  const known = guest.get();
  if (known?.token !== refused.token) return;
  if (known.hasOrders !== false && !hasRunOut(known.token)) isRefused.set(true);
  else forgetGuest();
}

/** Starts over with a new guest, without the orders of this one. */
export function forgetGuest(): void {
  save(localStorage, KEY, null);
  guest.set(null);
  isRefused.set(false);
}

function hasRunOut(token: string): boolean {
  try {
    const [, payload = ""] = token.split(".");
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    // Guest tokens always expire, so a token without `exp` is not one.
    return !isRecord(claims) || !(Number(claims["exp"]) * 1_000 > now_ms());
  } catch {
    return true;
  }
}
