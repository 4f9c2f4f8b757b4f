/** Countdowns run by the server's clock: a buyer's own may be wrong by minutes. */

let offset_ms = 0;
/** A `Date` header has whole seconds: a smaller difference says nothing. */
const SLACK_MS = 1_500;

/** Takes note of the `Date` header of an answer. */
export function setServerTime(date: string | null): void {
  const server_ms = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(server_ms)) return;
  const difference_ms = server_ms + 500 - Date.now();
  if (Math.abs(difference_ms - offset_ms) > SLACK_MS) offset_ms = difference_ms;
  if (Math.abs(offset_ms) <= SLACK_MS) offset_ms = 0;
}

export const now_ms = (): number => Date.now() + offset_ms;
