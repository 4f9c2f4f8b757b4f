import { createClient, type Order } from "../../../packages/client/src/index.ts";
import { announce } from "../shared/announce.tsx";
import { fetchWithClock, now_ms } from "../shared/clock.ts";
import { asProblem, LockstockProblem } from "../shared/problem.ts";
import { Store } from "../shared/store.ts";
import { type Attempt, attempts, dropAttempt, MAX_ATTEMPTS, noteOrder } from "./attempts.ts";
import { cartStates } from "./availability.ts";
import { cart, giveBack, take } from "./cart.ts";
import { isWhole, items, nameOf, refreshCatalogue } from "./catalogue.ts";
import { challenge } from "./challenge.ts";
import { learn, orders } from "./orders.ts";
import {
  acceptGuest,
  type Guest,
  guest,
  markOrdered,
  refuseGuest,
  requireGuest,
} from "./session.ts";
import { exclusively, storedSoon } from "./shared-state.ts";
import { t } from "./texts/texts.ts";
import { failureWords, refusalWords } from "./words.ts";

/**
 * Places exactly one order per click. The cart becomes an attempt with its own idempotency key,
 * which is stored in this browser before it is sent, and sent with that key until there is a
 * response. A second click therefore finds an empty cart, and a reload sends the same key again.
 *
 * One tab owns an attempt: the one that has its lock. Only the owner sends it, ends it, and puts its
 * lines back. When that tab is closed, another one that is open takes the attempt over.
 */

/** The server keeps keys for at least 24 hours; after that, the same key could order again. */
const MAX_AGE_MS = 20 * 3_600_000;
/** Between two tries of a token that is refused. */
const REFUSED_MS = 3_000;

/** Why the last order was not accepted, or what it waits for; null: no note. */
export const placingNote = new Store<{ isRefusal: boolean; text: string } | null>(null);

let isStarting = false;

/** Orders what of the cart can be ordered; the rest stays in it. */
export async function orderCart(): Promise<void> {
  if (isStarting) return;
  isStarting = true;
  try {
    if (challenge.get() !== null) note(false, t.challenge.before);
    const { customerId } = await requireGuest();
    if (attempts.read().length >= MAX_ATTEMPTS) return note(true, t.tooMany);
    const key = crypto.randomUUID();
    // First the lock, then what other tabs see: so this tab owns the attempt, and shows its end.
    await new Promise<void>((resolve) => {
      own(key, () => {
        resolve();
        return begun(key, customerId);
      });
    });
  } catch (error) {
    refuse(asProblem(error));
  } finally {
    isStarting = false;
  }
}

/** No `await` between emptying the cart and storing the attempt, so no click can come between. */
function begun(key: string, customerId: string): Attempt | undefined {
  const catalogue = { items: items.get(), isWhole: isWhole.get() };
  const states = cartStates(cart.read(), catalogue, now_ms());
  const currencies = states.flatMap(({ item, units }) =>
    item && units > 0 ? [item.price.currency] : [],
  );
  if (new Set(currencies).size > 1) {
    note(true, t.currencies);
    return undefined;
  }
  const lines = take(states.map(({ line: { sku }, units }) => ({ sku, quantity: units })));
  if (lines.length === 0) return undefined;
  placingNote.set(null);
  markOrdered();
  const attempt: Attempt = { key, customerId, lines, startedAt_ms: Date.now() };
  attempts.update((all) => [...all, attempt]);
  return attempt;
}

/** Attempts that this tab owns or waits for. */
const followed = new Set<string>();

const stored = (key: string) => attempts.read().find((one) => one.key === key);

function own(key: string, begin?: () => Attempt | undefined): void {
  if (followed.has(key)) return;
  followed.add(key);
  void exclusively(`attempt.${key}`, async (hasWaited) => {
    // Its last owner may have ended it.
    if (!begin && hasWaited) await storedSoon(() => !stored(key));
    const attempt = begin ? begin() : stored(key);
    if (attempt) await drive(attempt);
  }).finally(() => followed.delete(key));
}

/** Resumes the attempts that a reload has interrupted, and those of tabs that are closed. */
export function watchAttempts(): void {
  const follow = () => {
    for (const { key } of attempts.get()) own(key);
  };
  attempts.subscribe(follow);
  follow();
}

/** Takes an attempt to its end: an order that is decided, or a refusal. */
async function drive(attempt: Attempt): Promise<void> {
  const { key, lines, orderId, customerId, startedAt_ms } = attempt;
  const isPlaced = orderId !== undefined;
  const isOwn = customerId === guest.read()?.customerId;
  if (!isOwn || Date.now() - startedAt_ms > MAX_AGE_MS) {
    if (!dropAttempt(key) || isPlaced) return;
    giveBack(lines);
    // The guest may have changed while this tab waited for the attempt's lock.
    if (!isOwn) note(true, t.startedAnew);
    return;
  }
  const id = orderId ?? (await place(attempt));
  if (id === null) return;
  noteOrder(key, id);
  const order = await decision(id, customerId);
  if (dropAttempt(key) && order && isUnfilled(order)) {
    giveBack(lines);
    note(true, t.unfilled);
    void refreshCatalogue();
  }
}

/** The id of the order, however long that takes; null: it was refused, and its lines are back. */
async function place(attempt: Attempt): Promise<string | null> {
  const { key, lines, startedAt_ms } = attempt;
  let sender: Guest | null = null;
  const shop = createClient({
    url: location.origin,
    fetch: fetchWithClock,
    token: () => (sender = sameGuest(attempt)).token,
  });
  for (;;) {
    try {
      const timeout_ms = Math.max(0, startedAt_ms + MAX_AGE_MS - Date.now());
      const order = await shop.placeOrder(
        { lines: [...lines] },
        { key, timeout_ms, onRetry: noteWaiting },
      );
      learn([order]);
      acceptGuest(true);
      placingNote.set(null);
      return order.id;
    } catch (error) {
      const problem = asProblem(error);
      const isRefused = problem.code === "unauthenticated";
      if (isRefused && sender) refuseGuest(sender);
      // The order may exist, and the rejected token may be accepted later, so the key is kept.
      if (!isRefused || guest.get()?.customerId !== attempt.customerId) {
        // Only one tab puts the lines back, also in a browser without locks.
        if (!dropAttempt(key)) return null;
        giveBack(lines);
        if (isRefused) note(true, t.startedAnew);
        else refuse(problem);
        return null;
      }
      noteWaiting(problem);
      await new Promise((resolve) => setTimeout(resolve, REFUSED_MS));
    }
  }
}

/** Keys are per customer: sent by another guest, the order would count twice. */
function sameGuest({ customerId }: Attempt): Guest {
  const known = guest.get();
  if (known?.customerId === customerId) return known;
  throw new LockstockProblem({
    code: "unauthenticated",
    status: 401,
    title: "Another guest",
    detail: "The order is of the guest before.",
  });
}

/** The order once its stock is decided, as the feed tells; null: another guest has taken over. */
function decision(id: string, customerId: string): Promise<Order | null> {
  return new Promise((resolve) => {
    const look = () => {
      const order = orders.get().find((one) => one.id === id);
      const isDecided = order !== undefined && order.status !== "pending";
      const isOver = guest.get()?.customerId !== customerId;
      if (!isDecided && !isOver) return;
      for (const stop of stops) stop();
      resolve(isDecided ? order : null);
    };
    const stops = [orders.subscribe(look), guest.subscribe(look)];
    look();
  });
}

const UNFILLED_REASONS: readonly Order["reason"][] = [
  "out_of_stock",
  "limit_exceeded",
  "paused",
  "lock_timeout",
];

/** The buyer got nothing, and did not ask for that. */
const isUnfilled = ({ status, reason }: Order): boolean =>
  status === "cancelled" && UNFILLED_REASONS.includes(reason);

function note(isRefusal: boolean, text: string): void {
  placingNote.set({ isRefusal, text });
  if (isRefusal) announce(text);
}

const noteWaiting = (problem: LockstockProblem): void =>
  note(false, `${failureWords(problem)} ${t.kept}`);

function refuse(problem: LockstockProblem): void {
  note(true, refusalWords(problem, nameOf));
  void refreshCatalogue();
}
