export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** Writes one JSON line. Events are named `noun.past_participle`. Never pass a token or a secret. */
export function log(level: "info" | "warn" | "error", event: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }));
}

/** Trace ids of one line, with which it has some 17 KB. */
const MAX_TRACES = 500;

/**
 * The orders that a line is about: their trace ids in one text, so that a search for one finds every
 * line of it. `tracesOmitted`: how many more there are.
 */
export function traces(traceIds: Iterable<string>): LogFields {
  const all = [...new Set(traceIds)];
  if (all.length === 0) return {};
  const omitted = all.length - MAX_TRACES;
  const traceId = all.slice(0, MAX_TRACES).join(" ");
  return omitted > 0 ? { traceId, tracesOmitted: omitted } : { traceId };
}

/** An error as text for a log line or a dead letter, cut to 500 characters. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 500);
}
