import { setTimeout as sleep } from "node:timers/promises";
import type { Ask } from "./api-client.ts";
import { read } from "./api-client.ts";

/** What the runbook (docs/operations.md) tells an operator to do, by the API. */

interface Operations {
  frozen: { reason: string } | null;
  alerts: { code: string }[];
}

interface Page {
  orders: { orderId: string; before: string | null; after: string }[];
  unrecoverable: object[];
  nextCursor: string | null;
}

export interface Difference {
  kind: string;
  sku: string;
  orderId: string;
  repaired?: boolean;
}

const NOTICED_MS = 180_000;
const POLL_MS = 500;
const MAX_WAITS = 120;

/** Waits until the service says by itself what has happened; answers how long that took. */
export async function noticed(
  operator: Ask,
  what: string,
  isSo: (operations: Operations) => boolean,
): Promise<number> {
  const from_ms = Date.now();
  for (;;) {
    if (isSo(await read<Operations>(operator, "/v1/operations"))) return Date.now() - from_ms;
    if (Date.now() - from_ms > NOTICED_MS) throw new Error(`nobody noticed: ${what}`);
    await sleep(POLL_MS);
  }
}

/** A whole run of recovery. Waits for what is still on its way. */
export async function recover(operator: Ask, apply: boolean): Promise<Omit<Page, "nextCursor">> {
  const all: Omit<Page, "nextCursor"> = { orders: [], unrecoverable: [] };
  let cursor: string | null = null;
  for (let waits = 0; waits < MAX_WAITS;) {
    const body: object = { apply, cursor };
    const {
      status,
      headers,
      body: page,
    } = await operator<Page & { code?: string }>("POST", "/v1/operations/recover", { body });
    // It waits for calls from before the freeze, or an item did not answer.
    if (page.code === "recovery_waits" || status === 503) {
      waits += 1;
      await sleep(Number(headers.get("retry-after") ?? 1) * 1_000);
      continue;
    }
    if (status !== 200) throw new Error(`recover: ${status} ${JSON.stringify(page)}`);
    all.orders.push(...page.orders);
    all.unrecoverable.push(...page.unrecoverable);
    cursor = page.nextCursor;
    if (cursor === null) return all;
  }
  throw new Error("recovery waits for ever");
}

export async function post(operator: Ask, path: string): Promise<void> {
  const { status, body } = await operator("POST", path);
  if (status !== 200) throw new Error(`${path}: ${status} ${JSON.stringify(body)}`);
}

/** The whole comparison of orders with their stock. */
export async function compare(operator: Ask, repair: boolean): Promise<Difference[]> {
  const found: Difference[] = [];
  let cursor: string | null = null;
  do {
    const options: { body: object } = { body: { repair, cursor } };
    const { status, body } = await operator<{
      differences: Difference[];
      nextCursor: string | null;
    }>("POST", "/v1/operations/reconcile", options);
    if (status !== 200) throw new Error(`reconcile: ${status} ${JSON.stringify(body)}`);
    found.push(...body.differences);
    cursor = body.nextCursor;
  } while (cursor !== null);
  return found;
}
