import type { Actor } from "../../contract/actor.ts";
import type { Order } from "./order.ts";

/** Returns of orders. No I/O. */

export interface ReturnLine {
  sku: string;
  quantity: number;
}

/** Goods of a paid order that came back. */
export interface Return {
  /** A UUID of version 7. */
  id: string;
  orderId: string;
  customerId: string;
  lines: ReturnLine[];
  /** False: the units cannot be sold again and are written off. */
  restock: boolean;
  reason: string;
  actor: Actor;
  createdAt_ms: number;
  /** Whether every item has applied it. */
  isApplied: boolean;
  /** The caller's `sub`, to which the key belongs. */
  keyOwner: string;
  key: string;
}

export interface ReturnView extends Omit<
  Return,
  "customerId" | "createdAt_ms" | "isApplied" | "keyOwner" | "key"
> {
  /** `pending`: an item has not applied it yet. */
  state: "pending" | "applied";
  at: string;
}

export function returnView(made: Return): ReturnView {
  const { id, orderId, lines, restock, reason, actor, createdAt_ms, isApplied } = made;
  const at = new Date(createdAt_ms).toISOString();
  return {
    id,
    orderId,
    lines,
    restock,
    reason,
    actor,
    at,
    state: isApplied ? "applied" : "pending",
  };
}

/** Whether a line names more units of the order than are sold and not returned. */
export const exceedsSold = (
  { lines: ordered, returned }: Pick<Order, "lines" | "returned">,
  lines: readonly ReturnLine[],
): boolean =>
  lines.some(({ sku, quantity }) => {
    const sold = ordered.find((line) => line.sku === sku)?.quantity ?? 0;
    return quantity > sold - (returned?.[sku] ?? 0);
  });

/** What a repeat has to have in common with the return that its key belongs to. */
export type ReturnRequest = Pick<Return, "orderId" | "lines" | "restock" | "reason">;

/** The order of the lines does not matter; they are merged. */
export function isSameReturn(a: ReturnRequest, b: ReturnRequest): boolean {
  const quantities = new Map(b.lines.map(({ sku, quantity }) => [sku, quantity]));
  return (
    a.orderId === b.orderId &&
    a.restock === b.restock &&
    a.reason === b.reason &&
    a.lines.length === quantities.size &&
    a.lines.every(({ sku, quantity }) => quantities.get(sku) === quantity)
  );
}

/**
 * Says which request made the return: by it the items know a repeat after the database was put back to
 * before the return, where the repeat gets another id and D1 cannot tell. Lines and `restock` are part
 * of it, since a key that is used for other goods is no repeat.
 */
export async function requestHashOf({
  keyOwner,
  key,
  orderId,
  lines,
  restock,
}: Pick<Return, "keyOwner" | "key" | "orderId" | "lines" | "restock">): Promise<string> {
  const units = lines.map(({ sku, quantity }) => `${sku} ${quantity}`).toSorted();
  const bytes = new TextEncoder().encode(JSON.stringify([keyOwner, key, orderId, restock, units]));
  const hash = await crypto.subtle.digest("SHA-256", bytes);
  return btoa(String.fromCharCode(...new Uint8Array(hash, 0, 18)));
}
