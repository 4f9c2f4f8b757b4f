import { load, save } from "../shared/local.ts";
import { isRecord } from "../shared/record.ts";
import { Store } from "../shared/store.ts";

/** The cart: units by SKU, in the order in which they were added. All tabs share it. */

export interface CartLine {
  sku: string;
  quantity: number;
}

/** Limits of the API: units of one SKU in an order, and lines of an order. */
export const MAX_QUANTITY = 1_000;
export const MAX_LINES = 50;
const KEY = "lockstock.cart";

export const isLines = (value: unknown): value is CartLine[] =>
  Array.isArray(value) &&
  value.every(
    (line) =>
      isRecord(line) && typeof line["sku"] === "string" && Number.isInteger(line["quantity"]),
  );

export const cart = new Store<CartLine[]>(load(localStorage, KEY, isLines) ?? []);

addEventListener("storage", ({ key }) => {
  if (key === KEY || key === null) cart.set(load(localStorage, KEY, isLines) ?? []);
});

function put(lines: CartLine[]): void {
  save(localStorage, KEY, lines.length > 0 ? lines : null);
  cart.set(lines);
}

export const inCart = (lines: readonly CartLine[], sku: string): number =>
  lines.find((line) => line.sku === sku)?.quantity ?? 0;

/** 0 removes the line. */
export function setQuantity(sku: string, quantity: number): void {
  const lines = cart.get();
  const wanted = Math.min(quantity, MAX_QUANTITY);
  if (wanted <= 0) put(lines.filter((line) => line.sku !== sku));
  else if (inCart(lines, sku) > 0) {
    put(lines.map((line) => (line.sku === sku ? { sku, quantity: wanted } : line)));
  } else if (lines.length < MAX_LINES) put([...lines, { sku, quantity: wanted }]);
}

/** Restores the lines of an order that was not accepted. */
export function giveBack(returned: readonly CartLine[]): void {
  for (const { sku, quantity } of returned) setQuantity(sku, inCart(cart.get(), sku) + quantity);
}

export function takeAll(): CartLine[] {
  const lines = cart.get();
  put([]);
  return lines;
}
