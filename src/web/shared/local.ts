/** The browser's storage, as JSON. It may be full, forbidden or hold what an older page wrote. */

export function load<T>(storage: Storage, key: string, isValid: (value: unknown) => value is T) {
  try {
    const value: unknown = JSON.parse(storage.getItem(key) ?? "null");
    return isValid(value) ? value : null;
  } catch {
    return null;
  }
}

/** Null forgets it. Answers whether it will be there after a reload. */
export function save(storage: Storage, key: string, value: unknown): boolean {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
