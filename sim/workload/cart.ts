import type { CartLine } from "./steps.ts";

/** Merged and sorted: what makes two orders the same. */
export function cartOf(lines: readonly CartLine[]): string {
  const bySku = new Map<string, number>();
  for (const { sku, quantity } of lines) bySku.set(sku, (bySku.get(sku) ?? 0) + quantity);
  return [...bySku]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([sku, n]) => `${n}×${sku}`)
    .join(" ");
}
