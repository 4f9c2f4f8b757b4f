import type { Level } from "../shared/api.ts";
import { ApiProblem } from "../shared/problem.ts";

/** What a sale tells while it runs, and at its end. */

export interface SaleProgress {
  phase: "stocking" | "selling" | "settling" | "done" | "stopped";
  buyers: number;
  /** Buyers who have got an answer to their order, whatever it was. */
  answered: number;
  pending: number;
  confirmed: number;
  /** Refused at the door, or cancelled for want of stock. */
  soldOut: number;
  /** Neither: errors, or any other end. */
  failed: number;
  /** What these ended with, in words, and how many did. */
  failures: Record<string, number>;
  /** What holds the sale up at the moment, in words; null: nothing. */
  notice: string | null;
  elapsed_ms: number;
  /** From being placed to the outcome, by the server's clock; sorted. */
  latencies_ms: number[];
  level: Level | null;
}

export interface Verdict {
  /** Confirmed orders of this sale beyond the units that were on sale. */
  oversold: number;
  /** received = available + held + sold, and none below 0. */
  isBalanced: boolean;
  /** The units this sale took are the units of its confirmed orders. */
  isExact: boolean;
}

export interface SaleResult {
  progress: SaleProgress;
  verdict: Verdict;
}

export const isBalanced = ({ received, available, held, sold }: Level): boolean =>
  received === available + held + sold && Math.min(received, available, held, sold) >= 0;

/** Nearest rank; null: there is none. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? null;
}

/** For people: what the API said, with its status; an `Error` of our own says all of it. */
export function wordsOf(error: unknown): string {
  if (!(error instanceof ApiProblem)) return error instanceof Error ? error.message : String(error);
  const { title, detail, status } = error.body;
  return `${title}${status > 0 ? ` (${status})` : ""}: ${detail.replace(/\.$/, "")}`;
}
