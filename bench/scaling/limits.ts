/** What the platform allows, as published (read on the date of bench/cost/prices.ts). */

const DOCS = "https://developers.cloudflare.com";

export const LIMITS = {
  /** One database or object runs one statement at a time (D1 limits, Durable Objects limits). */
  busy_ms: 1_000,
  objectRequests_per_s: 1_000,
  d1_bytes: 10e9,
  object_bytes: 10e9,
  queueMessages_per_s: 5_000,
  consumers: 250,
  eventsPerMessage: 100,
} as const;

export const SOURCES = [
  `${DOCS}/d1/platform/limits/`,
  `${DOCS}/durable-objects/platform/limits/`,
  `${DOCS}/queues/platform/limits/`,
];

/**
 * What is not published and cannot be measured here: how long a call takes across the network. Said
 * as one figure each, so that whoever has measured them can put them in.
 */
export const ASSUMED = {
  d1RoundTrip_ms: 10,
  objectCall_ms: 10,
  /** Of everything that has one thread: past this, waiting times grow fast. */
  share: 0.7,
} as const;

/** Our own settings. */
export const SETTINGS = {
  /**
   * `BATCH_WINDOW_MS`, `BUSY_BATCH`, `MAX_BATCH`, `HOLD_MS` of the desk. Orders for many items are
   * held longer and take fewer messages than this says.
   */
  batchWindow_ms: 4,
  busyCommit: 2,
  ordersPerCommit: 200,
  hold_ms: 20,
  /** `MAX_EVENTS` of settling. */
  eventsPerSettling: 1_000,
  /** `max_concurrency` of both queues, and item calls under way in one consumer. */
  consumers: 4,
  callsPerConsumer: 24,
} as const;
