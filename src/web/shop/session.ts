import { clientOf, ok } from "../shared/api.ts";
import { now_ms } from "../shared/clock.ts";
import { load, save } from "../shared/local.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";

/** Who buys: a guest, whose token is kept in this browser. */
export interface Guest {
  customerId: string;
  token: string;
  /**
   * It has ordered, or tried to: its token is the only way to these orders. False: it is fresh and
   * has not; missing: it is of a version that did not note it.
   */
  hasOrders?: boolean;
}

const KEY = "lockstock.guest";

const isGuest = (value: unknown): value is Guest =>
  isRecord(value) && typeof value["customerId"] === "string" && typeof value["token"] === "string";

export const guest = new Store<Guest | null>(load(localStorage, KEY, isGuest));
export const client = clientOf(() => guest.get()?.token ?? null, location.origin);

let asking: Promise<Guest> | null = null;

/** The guest, a new one if there is none yet. Throws `ApiProblem` when none can be had. */
export async function requireGuest(): Promise<Guest> {
  const known = guest.get();
  if (known) return known;
  asking ??= ok(client.v1.guests.$post()).finally(() => (asking = null));
  const fresh: Guest = { ...(await asking), hasOrders: false };
  save(localStorage, KEY, fresh);
  guest.set(fresh);
  return fresh;
}

/** The server refuses the token of a guest who has orders. */
export const isRefused = new Store<boolean>(false);

/** The server has taken the guest's token. `hasOrders`: and shown orders of it. */
export function acceptGuest(hasOrders: boolean): void {
  isRefused.set(false);
  if (hasOrders) markOrdered();
}

/** Called before an order is sent: from then on there may be one, whatever answer comes. */
export function markOrdered(): void {
  const known = guest.get();
  if (!known || known.hasOrders === true) return;
  const marked: Guest = { ...known, hasOrders: true };
  save(localStorage, KEY, marked);
  guest.set(marked);
}

/**
 * The server has refused this guest's token. One without orders is replaced: the next
 * `requireGuest` asks for another. One with orders is kept as long as its token has not run out,
 * since the fault may be the server's, e.g. a secret that was rotated without the one before.
 */
export function refuseGuest(refused: Guest): void {
  const known = guest.get();
  if (known?.token !== refused.token) return;
  if (known.hasOrders !== false && !hasRunOut(known.token)) isRefused.set(true);
  else forgetGuest();
}

/** The buyer starts anew, without the orders of this guest. */
export function forgetGuest(): void {
  save(localStorage, KEY, null);
  guest.set(null);
  isRefused.set(false);
}

function hasRunOut(token: string): boolean {
  try {
    const [, payload = ""] = token.split(".");
    const claims: unknown = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
    // One that never runs out is none of ours.
    return !isRecord(claims) || !(Number(claims["exp"]) * 1_000 > now_ms());
  } catch {
    return true;
  }
}
