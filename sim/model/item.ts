import { Pauses } from "./pauses.ts";
import type { Counters, Lock } from "./watch-item.ts";

/** One stock item by the reference model. */
export class ItemModel {
  readonly sku: string;
  counters: Counters = { received: 0, available: 0, held: 0, sold: 0 };
  version = 0;
  isPaused = false;
  /** When it was paused and resumed. */
  readonly pausedFrom: { at_ms: number; isPaused: boolean }[] = [{ at_ms: 0, isPaused: false }];
  readonly pauses = new Pauses();
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

  /**
   * Whether fewer than `quantity` were free at some moment of a span. `lag_ms`: how much earlier than
   * `from_ms` that moment may have ended, by when that was.
   */
  wasShort(quantity: number, from_ms: number, to_ms: number, lag_ms: Lag = () => 0): boolean {
    const isShort = this.availability.map(({ at_ms, available }) => {
      return { at_ms, is: available < quantity };
    });
    return wasSo(isShort, from_ms, to_ms, lag_ms);
  }

  wasPaused(from_ms: number, to_ms: number, lag_ms: Lag): boolean {
    const isPaused = this.pausedFrom.map(({ at_ms, isPaused: is }) => ({ at_ms, is }));
    return wasSo(isPaused, from_ms, to_ms, lag_ms);
  }
}

type Lag = (ended_ms: number) => number;

function wasSo(
  states: readonly { at_ms: number; is: boolean }[],
  from_ms: number,
  to_ms: number,
  lag_ms: Lag,
): boolean {
  return states.some(({ at_ms, is }, i) => {
    const end_ms = states[i + 1]?.at_ms ?? Number.POSITIVE_INFINITY;
    return is && at_ms <= to_ms && end_ms >= from_ms - lag_ms(end_ms);
  });
}
