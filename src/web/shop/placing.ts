import { createClient } from "../../../packages/client/src/index.ts";
import { announce } from "../shared/announce.tsx";
import { fetchWithClock } from "../shared/clock.ts";
import { load, save } from "../shared/local.ts";
import { asProblem, LockstockProblem } from "../shared/problem.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";
import { refusalWords } from "../shared/words.ts";
import { type CartLine, giveBack, isLines, takeAll } from "./cart.ts";
import { nameOf, refreshCatalogue } from "./catalogue.ts";
import { challenge } from "./challenge.ts";
import { learn } from "./orders.ts";
import {
  acceptGuest,
  type Guest,
  guest,
  markOrdered,
  refuseGuest,
  requireGuest,
} from "./session.ts";

/**
 * Places exactly one order per click. The cart becomes an attempt with its own idempotency key,
 * which is stored in this browser before it is sent, and sent with that key until there is a
 * response. A second click therefore finds an empty cart, and a reload sends the same key again.
 */
export interface Attempt {
  key: string;
  customerId: string;
  lines: CartLine[];
  startedAt_ms: number;
}

const KEY = "lockstock.attempts";
/** The server keeps keys for at least 24 hours; after that, the same key could order again. */
const MAX_AGE_MS = 20 * 3_600_000;
/** Between two tries of a token that is refused. */
const REFUSED_MS = 3_000;

const isAttempts = (value: unknown): value is Attempt[] =>
  Array.isArray(value) &&
  value.every(
    (attempt) =>
      isRecord(attempt) &&
      typeof attempt["key"] === "string" &&
      typeof attempt["customerId"] === "string" &&
      typeof attempt["startedAt_ms"] === "number" &&
      isLines(attempt["lines"]),
  );

const stored = () => load(localStorage, KEY, isAttempts) ?? [];

/** Attempts without a response yet, oldest first. */
export const attempts = new Store<readonly Attempt[]>([]);
/** Why the last order was not accepted, or what it waits for; null: no note. */
export const placingNote = new Store<{ isRefusal: boolean; text: string } | null>(null);

function keep(change: (all: readonly Attempt[]) => readonly Attempt[]): void {
  // Read again, since another tab may have written.
  save(localStorage, KEY, change(stored()));
  attempts.update(change);
}

let isStarting = false;

/** Orders the contents of the cart. */
export async function orderCart(): Promise<void> {
  if (isStarting) return;
  isStarting = true;
  try {
    if (challenge.get() !== null) note(false, AFTER_CHALLENGE);
    const { customerId } = await requireGuest();
    // No `await` between emptying the cart and storing the attempt, so no click can come between.
    const lines = takeAll();
    if (lines.length === 0) return;
    placingNote.set(null);
    const attempt = { key: crypto.randomUUID(), customerId, lines, startedAt_ms: Date.now() };
    markOrdered();
    keep((all) => [...all, attempt]);
    void drive(attempt);
  } catch (error) {
    refuse(asProblem(error));
  } finally {
    isStarting = false;
  }
}

/** Resumes the attempts that a reload has interrupted. */
export function resumeAttempts(): void {
  const customerId = guest.get()?.customerId;
  for (const attempt of stored()) {
    const isOwn = attempt.customerId === customerId;
    if (isOwn && Date.now() - attempt.startedAt_ms < MAX_AGE_MS) {
      attempts.update((all) => [...all, attempt]);
      void drive(attempt);
    } else {
      drop(attempt);
      giveBack(attempt.lines);
    }
  }
}

const drop = ({ key }: Attempt) => keep((all) => all.filter((other) => other.key !== key));

/** Places the order of an attempt, however long that takes, unless it is refused for good. */
async function drive(attempt: Attempt): Promise<void> {
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
      learn([await shop.placeOrder({ lines }, { key, timeout_ms, onRetry: noteWaiting })]);
      acceptGuest(true);
      drop(attempt);
      placingNote.set(null);
      return;
    } catch (error) {
      const problem = asProblem(error);
      const isRefused = problem.code === "unauthenticated";
      if (isRefused && sender) refuseGuest(sender);
      // The order may exist, and the rejected token may be accepted later, so the key is kept.
      if (!isRefused || guest.get()?.customerId !== attempt.customerId) {
        drop(attempt);
        giveBack(lines);
        return isRefused ? note(true, STARTED_ANEW) : refuse(problem);
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

function note(isRefusal: boolean, text: string): void {
  placingNote.set({ isRefusal, text });
  if (isRefusal) announce(text);
}

const noteWaiting = ({ title }: LockstockProblem): void =>
  note(false, `${title}. Your order is kept and sent again; it counts once.`);

const AFTER_CHALLENGE = "Your order is sent as soon as the check is passed.";

const STARTED_ANEW =
  "You have started anew before an order was answered. It may exist all the same; what it named is in the cart again.";

function refuse(problem: LockstockProblem): void {
  note(true, refusalWords(problem, nameOf));
  void refreshCatalogue();
}
