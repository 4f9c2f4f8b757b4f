import type { Counters, Lock } from "./watch-item.ts";

/** One stock item by the reference model. */
export class ItemModel {
  readonly sku: string;
  counters: Counters = { received: 0, available: 0, held: 0, sold: 0 };
  version = 0;
  readonly locks = new Map<string, Lock>();
  /** When how many were available: the first entry is of the beginning. */
  readonly availability: { at_ms: number; available: number }[] = [{ at_ms: 0, available: 0 }];
  readonly levels = new Map<number, Counters>();
  /** Adjustments that have taken effect. */
  readonly operations = new Set<string>();
  /** The movement that the lock just written calls for. */
  expected: { kind: string; orderId: string; quantity: number } | null = null;

  constructor(sku: string) {
    this.sku = sku;
  }

  unitsOf(customerId: string): number {
    let units = 0;
    for (const { state, quantity, returned, customerId: owner } of this.locks.values()) {
      if (owner === customerId && (state === "held" || state === "sold")) {
        units += quantity - returned;
      }
    }
    return units;
  }

  /** Whether fewer than `quantity` were free at some moment of this span. */
  wasShort(quantity: number, from_ms: number, to_ms: number): boolean {
    return this.availability.some(({ at_ms, available }, i) => {
      const end_ms = this.availability[i + 1]?.at_ms ?? Number.POSITIVE_INFINITY;
      return available < quantity && at_ms <= to_ms && end_ms >= from_ms;
    });
  }
}
