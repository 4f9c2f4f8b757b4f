import type { Actor } from "../../contract/actor.ts";
import type { Shortage } from "../../contract/stock-events.ts";
import type { Policy } from "../config/policy.ts";
import { isListed } from "../items/item-queries.sql.ts";
import { TRUSTED_ROUNDS } from "../items/level-trust.ts";
import { listChanges } from "../order/changes.sql.ts";
import { bindKeys, KEY_OWNER } from "../order/idempotency-keys.sql.ts";
import { type OrderRow, orderFromRow } from "../order/order-queries.sql.ts";
import { firstDue_ms, type Money, type Order } from "../order/order.ts";
import { insertAdmitted } from "../order/orders.sql.ts";
import { leastWindow } from "../order/payment-window.sql.ts";

/** An order to be placed. Its lines are merged and validated; D1 adds names and prices. */
export interface Candidate {
  id: string;
  customerId: string;
  key: string | null;
  /** The service that orders for the customer and owns the key. Absent: the customer owns it. */
  keyOwner?: string;
  lines: { sku: string; quantity: number }[];
  /** Who orders. Absent in an order that an earlier version sends to its desk. */
  actor?: Actor;
  /** What a payment has to equal, in the order's currency. Absent: the total. */
  amountDue?: number;
  metadata?: Record<string, string>;
  /** Of the trace that the caller named. Absent: the order's id is its trace id. */
  traceId?: string;
  /** The total that the caller has shown; another one is refused. */
  expect?: Money;
}

export type AdmissionRefusal =
  | { code: "unknown_item"; skus: string[] }
  | { code: "mixed_currencies" }
  | { code: "price_changed"; total: Money }
  | { code: "sale_not_open"; saleStartsAt: string | null; saleEndsAt: string | null }
  /**
   * `closes_ms`: the earliest end of the items' sales; null: none of them ends. If an item is paused,
   * its shortage says so: a desk may answer a Worker of a version that knows no other code.
   */
  | { code: "out_of_stock"; shortages: Shortage[]; closes_ms: number | null };

export type Placement =
  | { type: "placed"; order: Order; isPresent: boolean }
  | { type: "replayed"; order: Order }
  | { type: "key_reused" }
  | { type: "refused"; refusal: AdmissionRefusal }
  /** The result is unknown: the order may have been placed. A repeat with the same key shows it. */
  | { type: "failed"; why?: "frozen" }
  | { type: "busy" };

/** Nothing was placed. A Worker of an earlier version reads it as a failure. */
export const FROZEN: Placement = { type: "failed", why: "frozen" };

export const keyOwnerOf = ({ keyOwner, customerId }: Candidate): string => keyOwner ?? customerId;

/**
 * Whether the level of an item, and its pause, are trusted (at `?2`): each has a time of its own,
 * and none is shorter than the rounds in which the items are asked.
 */
const IS_TRUSTED = `(i.level_at + max(i.level_trust,
  coalesce((SELECT round_ms * ${TRUSTED_ROUNDS} FROM level_round), 0)) >= ?2)`;
const IS_PAUSED = `(i.paused AND ${IS_TRUSTED})`;
const IS_SHORT = `(?3 AND i.available < l.value->>'quantity' AND ${IS_TRUSTED})`;

/**
 * Selects the candidates (`?1`, JSON) whose key is free or belongs to a pruned order, with their
 * lines from the catalogue and the code of their refusal at admission (null: admitted). `?2`: now.
 * `?3`: whether the sold-out gate is on. `?4`: the deployment's payment window.
 */
const admissionSql = (alsoWhere: string): string => `
  SELECT c.value->>'id' AS id, c.value->>'customerId' AS customer_id,
    json_group_array(json_object('sku', i.sku, 'name', i.name, 'quantity', l.value->>'quantity',
      'price', json_object('amount', i.price_amount, 'currency', i.price_currency),
      'limitPerCustomer', i.limit_per_customer)) AS lines,
    json_group_array(json_object('sku', l.value->>'sku', 'isKnown', i.sku IS NOT NULL,
      'requested', l.value->>'quantity', 'available', i.available,
      'isShort', ${IS_SHORT}, 'isPaused', ${IS_PAUSED},
      'saleStartsAt', i.sale_starts_at, 'saleEndsAt', i.sale_ends_at)) AS facts,
    sum(i.price_amount * (l.value->>'quantity')) AS total, min(i.price_currency) AS currency,
    c.value->>'amountDue' AS amount_due, c.value->>'metadata' AS metadata,
    c.value->>'key' AS key, c.value->>'keyOwner' AS key_owner, c.value->>'actor' AS actor,
    c.value->>'traceId' AS trace_id, ${leastWindow("?4")} AS payment_window_ms,
    CASE
      WHEN count(i.sku) < count(*) THEN 'unknown_item'
      WHEN min(i.price_currency) <> max(i.price_currency) THEN 'mixed_currencies'
      WHEN max(i.sale_starts_at) > ?2 OR min(i.sale_ends_at) <= ?2 THEN 'sale_not_open'
      WHEN max(${IS_PAUSED} OR ${IS_SHORT}) THEN 'out_of_stock'
      -- Last, because the sold-out cache gives that answer without D1.
      WHEN c.value->'expect' IS NOT NULL AND (min(i.price_currency) <> c.value->>'$.expect.currency'
        OR sum(i.price_amount * (l.value->>'quantity')) <> c.value->>'$.expect.amount')
        THEN 'price_changed'
    END AS refusal
  FROM json_each(?1) AS c, json_each(c.value, '$.lines') AS l
    LEFT JOIN items AS i ON i.sku = l.value->>'sku' AND ${isListed("i")}
  WHERE NOT EXISTS (SELECT 1 FROM idempotency_keys AS k JOIN orders AS kept ON kept.id = k.order_id
      WHERE k.customer_id = ${KEY_OWNER} AND k.key = c.value->>'key')
    ${alsoWhere}
  GROUP BY c.key`;

const ADMITTED = admissionSql("");
const SELECT_PLACED = `
  SELECT c.value->>'id' AS candidate_id, p.customer_id IS NOT NULL AS is_present, o.*
  FROM json_each(?1) AS c
    LEFT JOIN idempotency_keys AS k
      ON k.customer_id = ${KEY_OWNER} AND k.key = c.value->>'key'
    JOIN orders AS o ON o.id = coalesce(k.order_id, c.value->>'id')
    LEFT JOIN presence AS p ON p.customer_id = o.customer_id`;

const SELECT_REFUSED = admissionSql(
  "AND NOT EXISTS (SELECT 1 FROM orders WHERE id = c.value->>'id')",
);

/**
 * Places candidates in one D1 batch (one transaction, one round trip): resolves their keys, checks
 * admission and writes the orders. Returns one placement per candidate, in the same order. Safe to
 * repeat with the same ids. No two candidates may have the same key and key owner.
 */
export async function placeAll(
  db: D1Database,
  candidates: readonly Candidate[],
  policy: Policy,
  now_ms: number,
): Promise<Placement[]> {
  const json = JSON.stringify(candidates);
  const isGateOn = policy.isGateOn ? 1 : 0;
  const own = [json, now_ms, isGateOn, policy.paymentWindow_ms] as const;
  const ids = candidates.map(({ id }) => id);
  const [, , placed, refused] = await db.batch([
    insertAdmitted(db, ADMITTED, [...own, now_ms + firstDue_ms(policy)]),
    bindKeys(db, json, now_ms),
    db.prepare(SELECT_PLACED).bind(json),
    db.prepare(SELECT_REFUSED).bind(...own),
    ...listChanges(db, policy, { orders: ids }, now_ms),
  ]);
  const placedRows = (placed?.results ?? []) as PlacedRow[];
  const placedById = new Map(placedRows.map((row) => [row.candidate_id, row]));
  const refusedRows = (refused?.results ?? []) as RefusedRow[];
  const refusedById = new Map(refusedRows.map((row) => [row.id, row]));
  return candidates.map((candidate) => {
    const row = placedById.get(candidate.id);
    if (row) return placementOf(candidate, row);
    const refusal = refusedById.get(candidate.id);
    return refusal ? { type: "refused", refusal: refusalOf(refusal) } : { type: "failed" };
  });
}

type PlacedRow = OrderRow & { candidate_id: string; is_present: number };

function placementOf(candidate: Candidate, row: PlacedRow): Placement {
  const order = orderFromRow(row);
  const isPresent = row.is_present === 1;
  if (order.id === candidate.id) return { type: "placed", order, isPresent };
  if (!isSameOrder(candidate, order)) return { type: "key_reused" };
  return { type: "replayed", order };
}

/** Whether all but `expect` is equal. The order of lines and of metadata does not matter. */
function isSameOrder(candidate: Candidate, order: Order): boolean {
  const { customerId, lines, amountDue = order.total.amount, metadata = {} } = candidate;
  const quantities = new Map(order.lines.map(({ sku, quantity }) => [sku, quantity]));
  return (
    customerId === order.customerId &&
    amountDue === order.amountDue &&
    isSameRecord(metadata, order.metadata ?? {}) &&
    lines.length === quantities.size &&
    lines.every(({ sku, quantity }) => quantities.get(sku) === quantity)
  );
}

function isSameRecord(a: Record<string, string>, b: Record<string, string>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}

interface RefusedRow {
  id: string;
  total: number;
  currency: string;
  refusal: AdmissionRefusal["code"];
  facts: string;
}

interface LineFacts {
  sku: string;
  isKnown: 0 | 1;
  requested: number;
  available: number | null;
  isShort: 0 | 1 | null;
  isPaused: 0 | 1 | null;
  saleStartsAt: number | null;
  saleEndsAt: number | null;
}

function refusalOf({ refusal: code, facts: json, total, currency }: RefusedRow): AdmissionRefusal {
  const facts = JSON.parse(json) as LineFacts[];
  const ends = facts.flatMap(({ saleEndsAt }) => saleEndsAt ?? []);
  const closes_ms = ends.length > 0 ? Math.min(...ends) : null;
  switch (code) {
    case "unknown_item":
      return { code, skus: facts.filter((fact) => !fact.isKnown).map(({ sku }) => sku) };
    case "mixed_currencies":
      return { code };
    case "price_changed":
      return { code, total: { amount: total, currency } };
    case "sale_not_open": {
      // An order can be placed while the sales of all its items are open.
      const starts = facts.flatMap(({ saleStartsAt }) => saleStartsAt ?? []);
      return {
        code,
        saleStartsAt: starts.length > 0 ? new Date(Math.max(...starts)).toISOString() : null,
        saleEndsAt: closes_ms === null ? null : new Date(closes_ms).toISOString(),
      };
    }
    case "out_of_stock":
      return { code, shortages: facts.flatMap(shortageOf), closes_ms };
  }
}

/** Why the item would refuse this line; a pause counts first, as it does there. */
function shortageOf({ sku, requested, available, isShort, isPaused }: LineFacts): Shortage[] {
  if (isPaused !== 1 && isShort !== 1) return [];
  const reason = isPaused === 1 ? "paused" : "out_of_stock";
  return [{ sku, requested, available: available ?? 0, reason }];
}
