import type { Fetch } from "../../../packages/client/src/index.ts";

/** Countdowns use the server's clock, because a buyer's clock may be wrong by minutes. */

let offset_ms = 0;
/** `Date` headers have whole seconds, so a smaller difference is ignored. */
const SLACK_MS = 1_500;

/** Adjusts the clock by the `Date` header of a response. */
export function setServerTime(date: string | null): void {
  const server_ms = date === null ? Number.NaN : Date.parse(date);
  if (Number.isNaN(server_ms)) return;
  const difference_ms = server_ms + 500 - Date.now();
  if (Math.abs(difference_ms - offset_ms) > SLACK_MS) offset_ms = difference_ms;
  if (Math.abs(offset_ms) <= SLACK_MS) offset_ms = 0;
}

export const now_ms = (): number => Date.now() + offset_ms;

/** `fetch`, by whose responses the clock is set. */
export const fetchWithClock: Fetch = async (url, init) => {
  const response = await fetch(url, init);
  setServerTime(response.headers.get("Date"));
  return response;
};
