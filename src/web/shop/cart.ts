import { isRecord } from "../shared/record.ts";
import { Shared } from "./shared-state.ts";

/** The cart: units by SKU, in the order in which they were added. All tabs share it. */

export interface CartLine {
  sku: string;
  quantity: number;
}

/** Limits of the API: units of one SKU in an order, and lines of an order. */
export const MAX_QUANTITY = 1_000;
export const MAX_LINES = 50;

export const isLines = (value: unknown): value is readonly CartLine[] =>
  Array.isArray(value) &&
  value.every(
    (line) =>
      isRecord(line) && typeof line["sku"] === "string" && Number.isInteger(line["quantity"]),
  );

export const cart = new Shared<readonly CartLine[]>("lockstock.cart", isLines, []);

export const inCart = (lines: readonly CartLine[], sku: string): number =>
  lines.find((line) => line.sku === sku)?.quantity ?? 0;

/** 0 removes the line. */
export const setQuantity = (sku: string, quantity: number): void =>
  cart.update((lines) => withQuantity(lines, sku, quantity));

function withQuantity(lines: readonly CartLine[], sku: string, quantity: number) {
  const wanted = Math.min(quantity, MAX_QUANTITY);
  if (wanted <= 0) return lines.filter((line) => line.sku !== sku);
  if (inCart(lines, sku) > 0) {
    return lines.map((line) => (line.sku === sku ? { sku, quantity: wanted } : line));
  }
  return lines.length < MAX_LINES ? [...lines, { sku, quantity: wanted }] : lines;
}

/** Restores the lines of an order that was not accepted. */
export function giveBack(returned: readonly CartLine[]): void {
  cart.update((lines) =>
    returned.reduce(
      (all, { sku, quantity }) => withQuantity(all, sku, inCart(all, sku) + quantity),
      lines,
    ),
  );
}

/** Takes these lines out of the cart, as far as it has them, and returns up to so many units of each. */
export function take(wanted: readonly CartLine[]): CartLine[] {
  const taken: CartLine[] = [];
  cart.update((lines) =>
    wanted.reduce((all, { sku, quantity }) => {
      const units = Math.min(inCart(all, sku), quantity);
      if (units === 0) return all;
      taken.push({ sku, quantity: units });
      return withQuantity(all, sku, 0);
    }, lines),
  );
  return taken;
}
