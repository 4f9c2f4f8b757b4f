import { log, type LogFields } from "../../runtime/log.ts";

/** One isolate writes the same line at most once in this time. */
const PERIOD_MS = 60_000;
/** Different lines that one isolate remembers. */
const MAX_LINES = 100;

const written_ms = new Map<string, number>();

/** Logs an error that every request may hit, at most once a minute. */
export function logThrottled(level: "warn" | "error", event: string, fields: LogFields): void {
  const now_ms = Date.now();
  const line = JSON.stringify([event, fields]);
  // The absolute difference, so that a clock that was set back does not suppress the line.
  if (Math.abs(now_ms - (written_ms.get(line) ?? -Infinity)) < PERIOD_MS) return;
  if (written_ms.size >= MAX_LINES) written_ms.clear();
  written_ms.set(line, now_ms);
  log(level, event, fields);
}
