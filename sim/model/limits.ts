import type { Verdict } from "../platform/limiter.ts";
import type { Answer } from "../platform/worker.ts";
import type { Report } from "./report.ts";

/** Whom the limiters stop: whoever they refuse, and nobody else, whatever becomes of them. */

export interface Limited {
  where: string;
  sent_ms: number;
  now_ms: number;
  /** What the limiter was asked for this caller, ever; null: this call has no limit. */
  verdicts: readonly Verdict[] | null;
}

/** Answers that come before the limit, or that say nothing of it. */
const isBefore = (status: number): boolean => status === 401 || status >= 500;

export function checkLimit(
  report: Report,
  { status, headers }: Answer,
  { where, sent_ms, now_ms, verdicts }: Limited,
): void {
  const seconds = Number(headers.get("Retry-After"));
  if (status === 503) report.check(seconds > 0, 13, () => `${where} → 503 without Retry-After`);
  if (isBefore(status)) return;
  const meant = (verdicts ?? [])
    .filter(({ at_ms }) => at_ms >= sent_ms && at_ms <= now_ms)
    .map(({ verdict }) => verdict);
  if (status === 429) {
    report.check(meant.includes("refused"), 13, () => `${where} → 429, and no limiter said so`);
    report.check(seconds > 0, 13, () => `${where} → 429 without Retry-After`);
  } else if (verdicts !== null) {
    const isLetIn = meant.some((verdict) => verdict !== "refused");
    report.check(isLetIn, 13, () => `${where} → ${status}, and its limiter did not let it in`);
  }
}
