/** Scales of the plots, as pure functions. */

/** The smallest round number that is at least `value` and divides into `parts` round steps. */
export function niceTicks(value: number, parts = 4): number[] {
  const step = niceStep(Math.max(value, 1e-9) / parts);
  const n = Math.max(1, Math.ceil(value / step - 1e-9));
  return Array.from({ length: n + 1 }, (_, i) => i * step);
}

function niceStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const nice = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= atLeast * (1 - 1e-9)) ?? 10;
  return nice * power;
}

/** For counts, whose steps must be whole orders. */
export function niceCountTicks(value: number): number[] {
  if (value <= 4) return Array.from({ length: Math.max(2, Math.ceil(value) + 1) }, (_, i) => i);
  const ticks = niceTicks(value);
  return ticks.every(Number.isInteger) ? ticks : niceTicks(value, 2).map(Math.round);
}

/** Runs of consecutive values; each run becomes one line. */
export function runsOf(values: readonly (number | null)[]): { from: number; values: number[] }[] {
  const runs: { from: number; values: number[] }[] = [];
  let isOpen = false;
  for (const [i, value] of values.entries()) {
    if (value !== null) {
      if (isOpen) runs.at(-1)?.values.push(value);
      else runs.push({ from: i, values: [value] });
    }
    isOpen = value !== null;
  }
  return runs;
}
