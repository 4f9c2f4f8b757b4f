/**
 * What Cloudflare charges: Workers Paid plan, beyond the included amounts of a month. Every figure in
 * dollars comes from this table. Changed prices are changed here, and the date with them.
 */
export const CHECKED_ON = "2026-11-22";

/** What one order uses of each thing that is billed. */
export interface Usage {
  /** HTTP requests, and each batch a consumer is given: the pages do not say that it is free. */
  workerRequests: number;
  cpu_ms: number;
  /** Calls and alarms of all objects. */
  objectRequests: number;
  /** Active time × 128 MB, whatever an object uses. */
  objectDuration_GBs: number;
  d1RowsRead: number;
  d1RowsWritten: number;
  /** Writes, reads and deletes of 64 KB begun. */
  queueOperations: number;
  objectRowsRead: number;
  objectRowsWritten: number;
}

export interface Price {
  what: string;
  dollarsPerMillion: number;
  includedPerMonth: number;
  source: string;
}

const DOCS = "https://developers.cloudflare.com";
const WORKERS = `${DOCS}/workers/platform/pricing/`;
const OBJECTS = `${DOCS}/durable-objects/platform/pricing/`;
const D1 = `${DOCS}/d1/platform/pricing/`;
const QUEUES = `${DOCS}/queues/platform/pricing/`;

const M = 1_000_000;
const price = (
  what: string,
  dollarsPerMillion: number,
  includedPerMonth: number,
  source: string,
): Price => ({ what, dollarsPerMillion, includedPerMonth, source });

export const PRICES: Record<keyof Usage, Price> = {
  workerRequests: price("Worker requests", 0.3, 10 * M, WORKERS),
  cpu_ms: price("Worker CPU, ms", 0.02, 30 * M, WORKERS),
  objectRequests: price("object requests", 0.15, M, OBJECTS),
  objectDuration_GBs: price("object duration, GB-s", 12.5, 400_000, OBJECTS),
  d1RowsRead: price("D1 rows read", 0.001, 25_000 * M, D1),
  d1RowsWritten: price("D1 rows written", 1, 50 * M, D1),
  queueOperations: price("queue operations", 0.4, M, QUEUES),
  objectRowsRead: price("object rows read", 0.001, 25_000 * M, OBJECTS),
  objectRowsWritten: price("object rows written", 1, 50 * M, OBJECTS),
};

/** Memory an object is billed for (note 5 of the objects' pricing): 128 MB / 1 GB. */
export const OBJECT_GB = 0.128;

export const KEYS = Object.keys(PRICES) as (keyof Usage)[];

/** Dollars for a million orders that use this much each, with nothing included. */
export const dollarsFor = (usage: Usage, key: keyof Usage): number =>
  usage[key] * PRICES[key].dollarsPerMillion;

export const dollars = (usage: Usage): number =>
  KEYS.reduce((sum, key) => sum + dollarsFor(usage, key), 0);
