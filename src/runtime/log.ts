export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** Writes one JSON line. Events are named `noun.past_participle`. Never pass a token or a secret. */
export function log(level: "info" | "warn" | "error", event: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }));
}

/** An error as text for a log line or a dead letter, cut to 500 characters. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 500);
}
