/**
 * Milliseconds since 1970 with a fraction. `Date.now` has none, and `performance.timeOrigin` drifts
 * away from the wall clock that workerd reads, so the two are put together anew before each load.
 */
let offset_ms = 0;

export function anchor(): void {
  const tick_ms = Date.now();
  let next_ms = tick_ms;
  while (next_ms === tick_ms) next_ms = Date.now(); // the moment at which a millisecond begins
  offset_ms = next_ms - performance.now();
}

export const wallNow_ms = (): number => performance.now() + offset_ms;
