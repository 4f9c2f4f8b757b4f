import type { ChangeType } from "../changes/change.ts";

/** Endpoints of the shop, and what an answer of theirs means (https://www.standardwebhooks.com). No I/O. */

export type WebhookState = "on" | "off";
/** Why it is off: an operator, a 410 of the endpoint, or changes that are no longer kept. */
export type WhyOff = "operator" | "gone" | "changes_reset";

export interface Webhook extends EndpointTroubles {
  id: string;
  url: string;
  types: ChangeType[];
  /** This one signs; those before it too, until their time is over. */
  secret: string;
  previous: EarlierSecret | null;
  /** Those before `previous`, the newest first. Absent: an earlier version. */
  earlier?: EarlierSecret[];
  state: WebhookState;
  why: WhyOff | null;
  offSince_ms: number | null;
  /** A cursor of the changes. */
  startsAfter: string;
  createdAt_ms: number;
}

export interface EarlierSecret {
  secret: string;
  until_ms: number;
}

/** What is wrong with an endpoint, and since when; null: it is not. */
export interface EndpointTroubles {
  /** Its deliveries fail. */
  failingSince_ms: number | null;
  /** It has refused so much that it will soon pause: see `NEAR_LIMIT`. */
  nearLimitSince_ms: number | null;
}

export interface WebhookView {
  id: string;
  url: string;
  types: ChangeType[];
  state: WebhookState;
  why?: WhyOff;
  /** Since when its deliveries have failed; null: they do not. */
  failingSince: string | null;
  createdAt: string;
}

export function webhookView(webhook: Webhook): WebhookView {
  const { id, url, types, state, why, failingSince_ms, createdAt_ms } = webhook;
  return {
    id,
    url,
    types,
    state,
    ...(why !== null && { why }),
    failingSince: failingSince_ms === null ? null : new Date(failingSince_ms).toISOString(),
    createdAt: new Date(createdAt_ms).toISOString(),
  };
}

/** The secrets that sign now, the newest first. */
export function secretsAt({ secret, previous, earlier = [] }: Webhook, now_ms: number): string[] {
  const before = previous ? [previous, ...earlier] : earlier;
  return [secret, ...before.filter(({ until_ms }) => until_ms > now_ms).map((one) => one.secret)];
}

/** What one attempt came to. */
export interface Attempt {
  /** Null: there was no answer. */
  status: number | null;
  /** The beginning of the answer, or why there was none. */
  answer: string;
  took_ms: number;
  retryAfter_ms: number | null;
}

/**
 * `delivered`. `retry`: the endpoint pauses, and every event waits. `park`: the events of this subject
 * wait for an operator, and the others go on. `gone`: the endpoint is switched off.
 */
export type Verdict = "delivered" | "retry" | "park" | "gone";

/** Answers that say "later" although they are 4xx (RFC 9110, 15.5.9; RFC 8470; RFC 6585, 4). */
const LATER = new Set([408, 425, 429]);

export function verdictOf(status: number | null): Verdict {
  if (status === null) return "retry";
  if (status >= 200 && status < 300) return "delivered";
  if (status === 410) return "gone";
  // A redirect is not followed: it would carry the events to somebody whom nobody has named.
  return status >= 400 && status < 500 && !LATER.has(status) ? "park" : "retry";
}

/**
 * Orders, payments and items of which events wait for an operator. With more, the endpoint pauses as
 * after a failure. Not events: one of them that goes on happening would stop all the others.
 */
export const MAX_PARKED = 1_000;
/** With so many an alert is raised. */
export const NEAR_LIMIT = 800;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** Pauses after the first failure, the second, and so on; the last one repeats. */
const PAUSES_MS = [
  5_000,
  5 * MINUTE_MS,
  30 * MINUTE_MS,
  2 * HOUR_MS,
  5 * HOUR_MS,
  10 * HOUR_MS,
  14 * HOUR_MS,
  20 * HOUR_MS,
  DAY_MS,
];

/** The jitter of a pause, up or down. */
const JITTER = 0.1;
const LONGEST_PAUSE_MS = DAY_MS * (1 + JITTER);

/** How long an endpoint pauses after so many failures in a row: ±10 %, and no shorter than it asks for. */
export function pauseAfter(
  failures: number,
  retryAfter_ms: number | null,
  random: () => number,
): number {
  const pause_ms = PAUSES_MS[Math.min(failures, PAUSES_MS.length) - 1] ?? DAY_MS;
  const jitter = 1 - JITTER + 2 * JITTER * random();
  return Math.max(pause_ms * jitter, Math.min(retryAfter_ms ?? 0, DAY_MS));
}

/**
 * When a stored pause ends; 0: there is none. One that ends later than any that begins now was stored by
 * a clock that ran ahead, and holds no longer: else the endpoint would be silent until the clock is there.
 */
export const pauseEnds = (pausedUntil_ms: number, now_ms: number): number =>
  pausedUntil_ms > now_ms && pausedUntil_ms <= now_ms + LONGEST_PAUSE_MS ? pausedUntil_ms : 0;
