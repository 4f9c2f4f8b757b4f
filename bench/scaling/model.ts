import type { Calibration, Fit } from "./calibrate.ts";
import { ASSUMED, LIMITS, SETTINGS } from "./limits.ts";

/** What a rate of orders needs. One line an order; times of the steps as measured on this machine. */

export type Sale = "one hot SKU" | "many SKUs";

const timeOf = ({ fixed_ms, each_ms }: Fit, batch: number): number => fixed_ms + each_ms * batch;

/**
 * Work that is done in batches, one after the other: as many wait for the next as arrive during one.
 * Null: it never catches up.
 */
export function batchAt(
  rate_per_s: number,
  fit: Fit,
  { wait_ms, most }: { wait_ms: number; most: number },
): number | null {
  const perMs = rate_per_s / 1_000;
  const spare = 1 - perMs * fit.each_ms;
  const batch = spare <= 0 ? most : (perMs * (wait_ms + fit.fixed_ms)) / spare;
  if (batch < most) return Math.max(1, batch);
  return most / (wait_ms + timeOf(fit, most)) >= perMs ? most : null;
}

/** Busy milliseconds a second of work done in such batches. */
const busy_ms = (rate_per_s: number, fit: Fit, batch: number): number =>
  (rate_per_s / batch) * timeOf(fit, batch);

const DESK_WAIT_MS = ASSUMED.d1RoundTrip_ms + SETTINGS.batchWindow_ms;

/**
 * One database with its own desks and settling consumers. Each has one batch under way: it takes a
 * round trip, or, once the database is never idle, as long as the batches of all the others. So when
 * it grows busy, batches grow, and the fixed time is shared by more. Null: it never catches up.
 */
export function databaseAt(
  rate_per_s: number,
  { fits: { place, settle } }: Calibration,
  sale: Sale,
) {
  const desks = Math.max(1, Math.ceil(rate_per_s / (LIMITS.objectRequests_per_s * ASSUMED.share)));
  // With many SKUs each order's item tells its level with the outcome: an event more to settle.
  const events = sale === "many SKUs" ? 2 : 1;
  const perMs = rate_per_s / 1_000;
  const forOrders = perMs * (place.each_ms + events * settle.each_ms);
  if (forOrders >= 1) return null;
  const fixed_ms = desks * place.fixed_ms + SETTINGS.consumers * settle.fixed_ms;
  const alone = batchAt(rate_per_s / desks, place, {
    wait_ms: DESK_WAIT_MS,
    most: SETTINGS.ordersPerCommit,
  });
  const busy = ((perMs / desks) * fixed_ms) / (1 - forOrders);
  const commit = Math.max(alone ?? Infinity, busy);
  const settling = ((perMs * events) / SETTINGS.consumers) * (fixed_ms / (1 - forOrders));
  if (commit > SETTINGS.ordersPerCommit || settling > SETTINGS.eventsPerSettling) return null;
  // What is left of the fixed times when batches are as large as they may be.
  const leastFixed =
    place.fixed_ms / SETTINGS.ordersPerCommit +
    (events * settle.fixed_ms) / SETTINGS.eventsPerSettling;
  const cycle_ms = commit / (perMs / desks);
  return { desks, commit, cycle_ms, share: forOrders + perMs * leastFixed };
}

const itemShare = (rate_per_s: number, { fits }: Calibration): number => {
  const options = { wait_ms: ASSUMED.objectCall_ms, most: SETTINGS.eventsPerSettling };
  const batch = batchAt(rate_per_s, fits.lock, options);
  return batch === null ? Infinity : busy_ms(rate_per_s, fits.lock, batch) / LIMITS.busy_ms;
};

export interface Needs {
  rate_per_s: number;
  desks: number;
  ordersPerCommit: number;
  /** From one commit of a desk to its next. */
  cycle_ms: number;
  databases: number;
  queueMessages_per_s: number;
  /** Of each of the two. */
  queues: number;
  stockConsumers: number;
  /** Objects that the stock of the hot SKU is spread over; with many SKUs each has its own. */
  itemsPerSku: number;
  /** Hours until the first database is full, if nothing is pruned. */
  full_h: number;
}

/** Orders that share a message: a lone commit's are announced at once, under load they are held. */
function messageFor(commit: number, deskRate_per_s: number): number {
  if (commit < SETTINGS.busyCommit) return commit;
  return Math.min(LIMITS.eventsPerMessage, Math.max(commit, heldBy(deskRate_per_s)));
}

const heldBy = (deskRate_per_s: number): number => (deskRate_per_s * SETTINGS.hold_ms) / 1_000;
/** In a message of a desk that is full. */
const MOST_HELD = heldBy(LIMITS.objectRequests_per_s);

const upTo = (most: number, fits: (n: number) => boolean): number => {
  for (let n = 1; n <= most; n++) if (fits(n)) return n;
  return Infinity;
};
const MOST = 10_000;

export function needsOf(rate_per_s: number, calibration: Calibration, sale: Sale): Needs {
  const databases = upTo(MOST, (n) => {
    const at = databaseAt(rate_per_s / n, calibration, sale);
    return at !== null && at.share <= ASSUMED.share;
  });
  const at = databaseAt(rate_per_s / databases, calibration, sale);
  const [desks, commit] = [at?.desks ?? Number.NaN, at?.commit ?? Number.NaN];
  const queueMessages_per_s = rate_per_s / messageFor(commit, rate_per_s / (desks * databases));
  const itemsPerSku =
    sale === "many SKUs"
      ? 1
      : upTo(MOST, (n) => itemShare(rate_per_s / n, calibration) <= ASSUMED.share);
  return {
    rate_per_s,
    desks: desks * databases,
    ordersPerCommit: commit,
    cycle_ms: at?.cycle_ms ?? Number.NaN,
    databases,
    queueMessages_per_s,
    queues: Math.ceil(queueMessages_per_s / (LIMITS.queueMessages_per_s * ASSUMED.share)),
    stockConsumers: Math.ceil(rate_per_s / (consumerRate(sale) * ASSUMED.share)),
    itemsPerSku,
    full_h: LIMITS.d1_bytes / calibration.order_bytes / (rate_per_s / databases) / 3_600,
  };
}

/** Orders a second of one stock consumer that calls its items: one call holds all orders of a SKU. */
function consumerRate(sale: Sale): number {
  const calls_per_s = (1_000 / ASSUMED.objectCall_ms) * SETTINGS.callsPerConsumer;
  // A batch for one item is one call at a time, with what one message holds at least.
  const ofOneItem = (1_000 / ASSUMED.objectCall_ms) * MOST_HELD;
  return sale === "many SKUs" ? calls_per_s : ofOneItem;
}

export interface Wall {
  what: string;
  rate_per_s: number;
}

/** As it is deployed: one desk, one database, one queue each way, 4 consumers, an object a SKU. */
export function wallsOf(calibration: Calibration, sale: Sale): Wall[] {
  const highest = (isKept: (rate_per_s: number) => boolean): number => {
    let [low, high] = [1, 10_000_000];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (isKept(middle)) low = middle;
      else high = middle;
    }
    return low;
  };
  const walls: Wall[] = [
    { what: "one desk: requests of an object", rate_per_s: LIMITS.objectRequests_per_s },
    {
      what: "one D1 database: its thread",
      rate_per_s: highest((rate) => databaseAt(rate, calibration, sale) !== null),
    },
    {
      what: "one queue: messages",
      rate_per_s: LIMITS.queueMessages_per_s * MOST_HELD,
    },
    {
      what: `${SETTINGS.consumers} stock consumers: calls of items`,
      rate_per_s: SETTINGS.consumers * consumerRate(sale),
    },
  ];
  if (sale === "one hot SKU") {
    const rate_per_s = highest((rate) => itemShare(rate, calibration) <= 1);
    walls.push({ what: "the hot SKU's object: its thread", rate_per_s });
  }
  return walls.toSorted((a, b) => a.rate_per_s - b.rate_per_s);
}
