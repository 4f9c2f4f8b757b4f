/** JSON in the browser's storage, which may be full, blocked or have data of an older version. */

export function load<T>(storage: Storage, key: string, isValid: (value: unknown) => value is T) {
  try {
    const value: unknown = JSON.parse(storage.getItem(key) ?? "null");
    return isValid(value) ? value : null;
  } catch {
    return null;
  }
}

/** Writes a value; null deletes it. Returns whether it will survive a reload. */
export function save(storage: Storage, key: string, value: unknown): boolean {
  try {
    if (value === null) storage.removeItem(key);
    else storage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}
