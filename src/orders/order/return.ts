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
}

export interface ReturnView extends Omit<Return, "customerId" | "createdAt_ms" | "isApplied"> {
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
