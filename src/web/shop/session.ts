import { clientOf, ok } from "../shared/api.ts";
import { load, save } from "../shared/local.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";

/** Who buys: a guest, whose token is kept in this browser. */
export interface Guest {
  customerId: string;
  token: string;
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
  const fresh = await asking;
  save(localStorage, KEY, fresh);
  guest.set(fresh);
  return fresh;
}

/** For a token that is refused: the next `requireGuest` asks for another. */
export function forgetGuest(refused: Guest): void {
  if (guest.get()?.token !== refused.token) return;
  save(localStorage, KEY, null);
  guest.set(null);
}
