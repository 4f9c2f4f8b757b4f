/** For people: their words may change. */
const PROSE = new Set(["detail", "title", "error", "message"]);

/**
 * What a reader of the older value would miss in the newer one: each member that is gone or has
 * another value, with its path. More members are no loss, more or fewer elements of a list are.
 */
export function lost(older: unknown, newer: unknown, path = ""): string[] {
  const isProse = PROSE.has(path.slice(path.lastIndexOf("/") + 1));
  if (isProse && typeof older === typeof newer) return [];
  if (Array.isArray(older)) {
    if (!Array.isArray(newer) || newer.length !== older.length)
      return [changeText(older, newer, path)];
    return older.flatMap((one, i) => lost(one, newer[i], `${path}/${i}`));
  }
  if (isObject(older) && isObject(newer)) {
    return Object.entries(older).flatMap(([key, value]) =>
      lost(value, newer[key], `${path}/${key}`),
    );
  }
  return Object.is(older, newer) ? [] : [changeText(older, newer, path)];
}

const changeText = (older: unknown, newer: unknown, path: string): string =>
  `${path}: ${JSON.stringify(older)} became ${JSON.stringify(newer)}`;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
