export type LogFields = Record<string, string | number | boolean | null | undefined>;

/** One JSON line on the console. Names are `thing.happened`; never pass a token or a secret. */
export function log(level: "info" | "warn" | "error", event: string, fields: LogFields = {}): void {
  console[level](JSON.stringify({ level, event, ...fields }));
}

/** An error as text for a log line or a dead letter, bounded. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.slice(0, 500);
}
