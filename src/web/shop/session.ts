import { createClient } from "../../../packages/client/src/index.ts";
import { fetchWithClock, now_ms } from "../shared/clock.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";
import { withToken } from "./challenge.ts";
import { exclusively, Shared, storedSoon } from "./shared-state.ts";

/** The buyer: a guest, whose token this browser stores. All tabs are the same guest. */
export interface Guest {
  customerId: string;
  token: string;
  /**
   * Whether the guest has ordered or tried to; its token is the only access to these orders.
   * Missing: an older version of the page, which did not record this, stored the guest.
   */
  hasOrders?: boolean;
}

const isGuest = (value: unknown): value is Guest =>
  isRecord(value) && typeof value["customerId"] === "string" && typeof value["token"] === "string";

export const guest = new Shared<Guest | null>(
  "lockstock.guest",
  (value): value is Guest | null => isGuest(value),
  null,
);
export const client = createClient({
  url: location.origin,
  fetch: fetchWithClock,
  token: () => guest.get()?.token ?? null,
});

/** For calls whose failure the page shows at once; it tries again by itself, or the buyer does. */
export const ONCE = { timeout_ms: 0 } as const;

/** Longer than the one call that the lock is held for. */
const LOCK_MS = 30_000;
let asking: Promise<Guest> | null = null;

/**
 * Returns the guest, and creates one if there is none. Throws `LockstockProblem` when that fails.
 * With Turnstile it waits for the buyer, for as long as it takes.
 */
export async function requireGuest(): Promise<Guest> {
  const known = guest.get();
  if (known) return known;
  asking ??= newGuest().finally(() => (asking = null));
  return await asking;
}

async function newGuest(): Promise<Guest> {
  const { turnstile } = await client.config(ONCE);
  if (!turnstile) return createGuest();
  const other = guestOfOtherTab();
  return withToken(createGuest, other.guest).finally(other.stop);
}

/** One guest a browser: of tabs that are opened at once the first creates it. */
const createGuest = (turnstileToken?: string): Promise<Guest> =>
  exclusively(
    "guest",
    async (hasWaited) => {
      if (hasWaited) await storedSoon(() => guest.read() !== null);
      const known = guest.read();
      if (known) return known;
      const token = turnstileToken === undefined ? {} : { turnstileToken };
      const fresh: Guest = {
        ...(await client.createGuest({ ...ONCE, ...token })),
        hasOrders: false,
      };
      // What is stored by now may have orders. This one has none yet.
      guest.update((stored) => stored ?? fresh);
      return guest.get() ?? fresh;
    },
    { limit_ms: LOCK_MS },
  );

/** The guest that another tab creates while this one waits for its buyer. */
function guestOfOtherTab(): { guest: Promise<Guest>; stop: () => void } {
  let stop = (): void => undefined;
  const other = new Promise<Guest>((resolve) => {
    stop = guest.subscribe(() => {
      const known = guest.get();
      if (known) resolve(known);
    });
  });
  return { guest: other, stop };
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
  guest.update((stored) =>
    stored?.token === known.token ? { ...stored, hasOrders: true } : stored,
  );
}

/**
 * Called when the server has rejected this guest's token. A guest without orders is dropped, and
 * the next `requireGuest` creates another. A guest with orders is kept until its token expires,
 * since the server may be at fault, e.g. when its secret was rotated without
 * `AUTH_SECRET_PREVIOUS`.
 */
export function refuseGuest(refused: Guest): void {
  const known = guest.read();
  if (known?.token !== refused.token) return;
  if (known.hasOrders !== false && !hasRunOut(known.token)) isRefused.set(true);
  else forgetGuest();
}

/** Starts over with a new guest, without the orders of this one. */
export function forgetGuest(): void {
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
