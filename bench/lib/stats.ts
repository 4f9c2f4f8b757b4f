/** Percentiles, medians and ratios with their spread. */

/** The value that `share` (0 to 1) of the values do not exceed, by nearest rank; NaN of none. */
export function percentile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values)
    .filter((value) => !Number.isNaN(value))
    .sort();
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.filter((value) => !Number.isNaN(value)).toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
};

export interface Ratio {
  /** Of the two medians. */
  value: number;
  /** The smallest and largest of the ratios of runs that followed each other. */
  min: number;
  max: number;
}

/** `ours[i]` and `theirs[i]` come from the same round of an interleaved series. */
export function ratio(ours: readonly number[], theirs: readonly number[]): Ratio {
  const pairs = ours.flatMap((value, i) => {
    const other = theirs[i];
    return other === undefined || Number.isNaN(value / other) ? [] : [value / other];
  });
  return {
    value: median(ours) / median(theirs),
    min: Math.min(...pairs),
    max: Math.max(...pairs),
  };
}

export const formatRatio = ({ value, min, max }: Ratio): string =>
  `${value.toFixed(2)}× (${min.toFixed(2)}–${max.toFixed(2)})`;
