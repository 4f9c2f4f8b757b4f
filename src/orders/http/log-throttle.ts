import { log, type LogFields } from "../../runtime/log.ts";

/** The same line is written this often at most, by one isolate. */
const PERIOD_MS = 60_000;
/** Different lines that are remembered. */
const MAX_LINES = 100;

const written_ms = new Map<string, number>();

/** Logs what every request may run into: once a minute, not a thousand times a second. */
export function logThrottled(level: "warn" | "error", event: string, fields: LogFields): void {
  const now_ms = Date.now();
  const line = JSON.stringify([event, fields]);
  // A clock that was set back must not silence it.
  if (Math.abs(now_ms - (written_ms.get(line) ?? -Infinity)) < PERIOD_MS) return;
  if (written_ms.size >= MAX_LINES) written_ms.clear();
  written_ms.set(line, now_ms);
  log(level, event, fields);
}
