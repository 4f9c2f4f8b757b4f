import { setTimeout as sleep } from "node:timers/promises";
import type { StockLineResult } from "../../src/orders/http/bulk-stock.ts";
import type { LineResult } from "../../src/orders/http/bulk.ts";
import type { StockedItem } from "../../src/orders/items/item.ts";
import type { Ask } from "../lib/api-client.ts";
import type { CountLine, ItemLine } from "./plan.ts";

/** The calls of an import. Each is repeated until it is answered, with the same key. */

const PAGE = 100;
const TRIES = 6;
const PAUSE_MS = 1_000;

export interface Refused {
  sku: string;
  why: string;
}

type Progress = (done: number) => void;

/** All items of the shop, with their levels. */
export async function readItems(ask: Ask): Promise<Map<string, StockedItem>> {
  const items = new Map<string, StockedItem>();
  let cursor: string | null = null;
  do {
    const after: string = cursor === null ? "" : `&cursor=${cursor}`;
    const page: { items: StockedItem[]; nextCursor: string | null } = await insist(
      ask,
      "GET",
      `/v1/operations/items?limit=${PAGE}${after}`,
    );
    for (const item of page.items) items.set(item.sku, item);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return items;
}

/** `batch`: lines of one call, and a step of the progress. */
export async function sendItems(
  ask: Ask,
  { lines, batch }: { lines: readonly ItemLine[]; batch: number },
  progress: Progress,
): Promise<Refused[]> {
  const refused: Refused[] = [];
  for (let i = 0; i < lines.length; i += batch) {
    const items = lines
      .slice(i, i + batch)
      .map(({ sku, details }) => Object.assign({ sku }, details));
    const { results } = await insist<{ results: LineResult[] }>(ask, "POST", "/v1/items/bulk", {
      items,
    });
    for (const [n, { status, code, errors = [] }] of results.entries()) {
      if (status < 300) continue;
      const why = errors.map(({ path, message }) => `${path} ${message}`).join("; ");
      refused.push({ sku: items[n]?.sku ?? "", why: why || (code ?? `${status}`) });
    }
    progress(Math.min(i + batch, lines.length));
  }
  return refused;
}

export interface Counts {
  refused: Refused[];
  /** Lines that an earlier run of the same file has sent, with the same outcome. */
  replayed: number;
  /** Lines without an answer, which may or may not count. */
  unanswered: number;
}

/**
 * Counts the shelves. The key comes from the file, so that a line counts once however often the file is
 * sent: units that were sold since are not put back. A line whose stock has changed since its level was
 * read is applied by nobody but whoever counts again; if it has come to what the file says, as by
 * another import, it is done.
 */
export async function sendCounts(
  ask: Ask,
  { lines, key, batch }: { lines: readonly CountLine[]; key: string; batch: number },
  progress: Progress,
): Promise<Counts> {
  const refused: Refused[] = [];
  let replayed = 0;
  let unanswered = 0;
  for (let i = 0; i < lines.length; i += batch) {
    const part = lines.slice(i, i + batch);
    const changes = part.map((line) => Object.assign({ reason: "import" }, line));
    const results = await countUntilAnswered(ask, changes, key);
    replayed += results.filter((result) => result.replayed).length;
    unanswered += results.filter(({ code }) => code === "unavailable").length;
    for (const [n, result] of results.entries()) {
      const line = part[n];
      if (line && result.status >= 300 && !isDone(result, line))
        refused.push(refusalOf(line, result));
    }
    progress(Math.min(i + batch, lines.length));
  }
  return { refused, replayed, unanswered };
}

/** An item that did not answer in time is asked again with the key: nothing is counted twice. */
async function countUntilAnswered(
  ask: Ask,
  changes: object[],
  key: string,
): Promise<StockLineResult[]> {
  for (let tries = 1; ; tries++) {
    const { results } = await insist<{ results: StockLineResult[] }>(
      ask,
      "POST",
      "/v1/stock/bulk",
      { changes },
      key,
    );
    const isAnswered = results.every(({ code }) => code !== "unavailable");
    if (isAnswered || tries === TRIES) return results;
    await sleep(PAUSE_MS);
  }
}

const isDone = ({ code, level }: StockLineResult, { unsold }: CountLine): boolean =>
  code === "stock_changed" && level !== undefined && level.available + level.held === unsold;

function refusalOf({ sku, unsold }: CountLine, { code, level, affected = [] }: StockLineResult) {
  if (code === "stock_changed" && level) {
    const now = level.available + level.held;
    return { sku, why: `the stock has changed to ${now} since it was read: count again` };
  }
  if (code === "insufficient_available" && level) {
    const ids = affected.slice(0, 3).join(", ");
    return { sku, why: `${unsold} counted, and orders hold ${level.held}: ${ids}` };
  }
  return { sku, why: code ?? "refused" };
}

/** Repeats a call that got no answer, 429 or 5xx. */
async function insist<T>(
  ask: Ask,
  method: string,
  path: string,
  body?: object,
  key?: string,
): Promise<T> {
  const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
  let why = "";
  for (let tries = 1; tries <= TRIES; tries++) {
    if (tries > 1) await sleep(PAUSE_MS * tries);
    try {
      const options = { headers, ...(body && { body }) };
      const answer = await ask<T & { detail?: string }>(method, path, options);
      if (answer.status === 200) return answer.body;
      why = `${answer.status} ${answer.body?.detail ?? ""}`;
      if (answer.status < 500 && answer.status !== 429) break;
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
    }
  }
  throw new Error(`${method} ${path}: ${why}`);
}
