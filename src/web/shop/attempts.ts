import { isRecord } from "../shared/record.ts";
import { type CartLine, isLines } from "./cart.ts";
import { Shared } from "./shared-state.ts";

/** An order from the click until its stock is decided. `placing.ts` says who may send and end it. */
export interface Attempt {
  /** The idempotency key. */
  key: string;
  customerId: string;
  lines: readonly CartLine[];
  startedAt_ms: number;
  /** Missing: the server has not answered yet. */
  orderId?: string;
}

/** At the same time. */
export const MAX_ATTEMPTS = 20;

const isAttempts = (value: unknown): value is readonly Attempt[] =>
  Array.isArray(value) &&
  value.every(
    (attempt) =>
      isRecord(attempt) &&
      typeof attempt["key"] === "string" &&
      typeof attempt["customerId"] === "string" &&
      typeof attempt["startedAt_ms"] === "number" &&
      isLines(attempt["lines"]),
  );

/** Oldest first. */
export const attempts = new Shared<readonly Attempt[]>("lockstock.attempts", isAttempts, []);

/** Returns whether it was there: whoever ends an attempt does what its end asks for. */
export function dropAttempt(key: string): boolean {
  let wasThere = false;
  attempts.update((all) => {
    wasThere = all.some((one) => one.key === key);
    return all.filter((one) => one.key !== key);
  });
  return wasThere;
}

export const noteOrder = (key: string, orderId: string): void =>
  attempts.update((all) => all.map((one) => (one.key === key ? { ...one, orderId } : one)));
