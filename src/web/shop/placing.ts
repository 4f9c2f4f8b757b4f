import { announce } from "../shared/announce.tsx";
import { asProblem, ok } from "../shared/api.ts";
import { load, save } from "../shared/local.ts";
import type { ApiProblem } from "../shared/problem.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";
import { refusalWords } from "../shared/words.ts";
import { type CartLine, giveBack, isLines, takeAll } from "./cart.ts";
import { nameOf, refreshCatalogue } from "./catalogue.ts";
import { learn } from "./orders.ts";
import { acceptGuest, client, guest, markOrdered, refuseGuest, requireGuest } from "./session.ts";

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
const FIRST_WAIT_MS = 500;
const MAX_WAIT_MS = 10_000;

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

async function drive(attempt: Attempt): Promise<void> {
  for (let wait_ms = FIRST_WAIT_MS; ; wait_ms = Math.min(wait_ms * 2, MAX_WAIT_MS)) {
    const problem = await send(attempt);
    if (!problem) return;
    // The order may exist, and the rejected token may be accepted later, so the key is kept.
    const isKept =
      problem.code === "unauthenticated" && guest.get()?.customerId === attempt.customerId;
    if (!problem.isPassing && !isKept) {
      drop(attempt);
      giveBack(attempt.lines);
      refuse(problem);
      return;
    }
    const text = `${problem.body.title}. Your order is kept and sent again; it counts once.`;
    placingNote.set({ isRefusal: false, text });
    const pause_ms = Math.max(wait_ms, (problem.retryAfter ?? 0) * 1_000);
    await new Promise((resolve) => setTimeout(resolve, pause_ms * (0.75 + Math.random() / 2)));
  }
}

async function send(attempt: Attempt): Promise<ApiProblem | null> {
  const sender = guest.get();
  try {
    const { lines, key } = attempt;
    const request = { json: { lines }, header: { "idempotency-key": key } };
    const order = await ok(client.v1.orders.$post(request));
    acceptGuest(true);
    learn([order]);
    drop(attempt);
    placingNote.set(null);
    return null;
  } catch (error) {
    const problem = asProblem(error);
    if (problem.code === "unauthenticated" && sender) refuseGuest(sender);
    return problem;
  }
}

function refuse(problem: ApiProblem): void {
  const text = refusalWords(problem, nameOf);
  placingNote.set({ isRefusal: true, text });
  announce(text);
  void refreshCatalogue();
}
