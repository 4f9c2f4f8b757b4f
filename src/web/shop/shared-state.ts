import { load, save } from "../shared/local.ts";
import { Store } from "../shared/store.ts";

/**
 * A value that all tabs of this browser share. One policy for all of them: what is stored is the
 * truth, each change starts from what is stored now, and what another tab writes is shown here.
 */
export class Shared<T> extends Store<T> {
  readonly #key: string;
  readonly #isValid: (value: unknown) => value is T;
  readonly #empty: T;
  /** False while the browser stores nothing: then this page's value is the only one. */
  #isStored = true;

  constructor(key: string, isValid: (value: unknown) => value is T, empty: T) {
    super(load(localStorage, key, isValid) ?? empty);
    this.#key = key;
    this.#isValid = isValid;
    this.#empty = empty;
    addEventListener("storage", (event) => {
      if (event.key === key || event.key === null) this.read();
    });
  }

  /** The value as it is stored now, which another tab may have written a moment ago. */
  read(): T {
    if (this.#isStored) super.set(load(localStorage, this.#key, this.#isValid) ?? this.#empty);
    return this.get();
  }

  override set(value: T): void {
    this.#isStored = save(localStorage, this.#key, value);
    super.set(value);
  }

  /** No `await` is between reading and writing, so that no other work of this page comes between. */
  override update(change: (value: T) => T): void {
    this.set(change(this.read()));
  }
}

/** A tab that has a lock for longer is stuck; who asks for one with a limit goes on without it. */
type Limit = { limit_ms?: number };

/**
 * Runs the work while no other tab of this browser runs work of the same name, and tells it whether
 * it has waited for one. A tab that is closed gives its locks back. Without a secure origin there are no locks: the work then has to do with
 * `Shared`, which reads again before each change.
 */
export async function exclusively<T>(
  name: string,
  work: (hasWaited: boolean) => Promise<T>,
  { limit_ms }: Limit = {},
): Promise<T> {
  const locks = navigator.locks as LockManager | undefined;
  if (!locks) return await Promise.resolve(false).then(work);
  const asked_ms = performance.now();
  let isBegun = false;
  const begin = () => {
    isBegun = true;
    return work(performance.now() - asked_ms > WAITED_MS);
  };
  const signal = limit_ms === undefined ? null : AbortSignal.timeout(limit_ms);
  const options = signal ? { signal } : {};
  try {
    return await locks.request(`lockstock.${name}`, options, begin);
  } catch (error) {
    if (isBegun) throw error;
    return await work(true);
  }
}

/** Who got a lock no sooner has waited for another tab, and needs what that one has stored. */
const WAITED_MS = 50;
const STORED_WITHIN_MS = 500;
const LOOK_MS = 25;

/** What a tab stores reaches the others a moment after the lock does: they may be other processes. */
export async function storedSoon(isStored: () => boolean): Promise<void> {
  const end_ms = performance.now() + STORED_WITHIN_MS;
  while (!isStored() && performance.now() < end_ms) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
