import { LockstockProblem } from "../../../packages/client/src/index.ts";
import type { Level } from "../shared/api.ts";

/** The figures that a sale reports while it runs and at its end. */

export interface SaleProgress {
  phase: "stocking" | "selling" | "settling" | "done" | "stopped";
  buyers: number;
  /** Buyers who have received a response to their order. */
  answered: number;
  pending: number;
  confirmed: number;
  /** Refused at admission, or cancelled because the stock was not sufficient. */
  soldOut: number;
  /** Neither confirmed nor sold out: errors, or any other end. */
  failed: number;
  /** The messages of the failures, with the number of each. */
  failures: Record<string, number>;
  /** A message about what delays the sale at present; null: nothing does. */
  notice: string | null;
  elapsed_ms: number;
  /** Time from placing to the outcome by the server's clock, sorted. */
  latencies_ms: number[];
  level: Level | null;
}

export interface Verdict {
  /** Confirmed orders of this sale beyond the units that were on sale. */
  oversold: number;
  /** received = available + held + sold, and none below 0. */
  isBalanced: boolean;
  /** Whether the units that the sale took equal the units of its confirmed orders. */
  isExact: boolean;
}

export interface SaleResult {
  progress: SaleProgress;
  verdict: Verdict;
}

export const isBalanced = ({ received, available, held, sold }: Level): boolean =>
  received === available + held + sold && Math.min(received, available, held, sold) >= 0;

/** The nearest-rank percentile; null for an empty list. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** A message for people: the API's title and status, or the message of an own `Error`. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof LockstockProblem))
    return error instanceof Error ? error.message : String(error);
  const { title, detail, status } = error.body;
  return `${title}${status > 0 ? ` (${status})` : ""}: ${detail.replace(/\.$/, "")}`;
}
