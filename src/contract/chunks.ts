/**
 * Splits items, in order, into as few chunks as keep within a count and a total size. An item that is
 * larger than that has a chunk of its own.
 */
export function chunksOf<T>(
  items: readonly T[],
  sizeOf: (item: T) => number,
  max: { count: number; size: number },
): T[][] {
  const chunks: T[][] = [];
  let size = 0;
  for (const item of items) {
    const added = sizeOf(item);
    const last = chunks.at(-1);
    if (last && last.length < max.count && size + added <= max.size) {
      last.push(item);
      size += added;
    } else {
      chunks.push([item]);
      size = added;
    }
  }
  return chunks;
}
