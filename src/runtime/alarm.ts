/** An alarm that is this long overdue counts as lost: alarms in the past have been seen stuck. */
const OVERDUE_MS = 5_000;

/**
 * Ensures that the object's alarm fires at `at_ms` or earlier, and returns the time that is set. An
 * object has one alarm, and `setAlarm` replaces an earlier time by a later one, so nothing else may
 * call it. While the alarm handler runs, `getAlarm` is null until a call sets the next alarm (Durable
 * Objects, Alarms): there this function keeps an earlier alarm that a concurrent call has set.
 */
export async function ensureAlarmBy(
  storage: DurableObjectStorage,
  at_ms: number,
  now_ms: number,
): Promise<number> {
  const armed_ms = await storage.getAlarm();
  const isInTime = armed_ms !== null && armed_ms <= at_ms && armed_ms >= now_ms - OVERDUE_MS;
  if (isInTime) return armed_ms;
  const next_ms = Math.max(at_ms, now_ms);
  await storage.setAlarm(next_ms);
  return next_ms;
}

/** `ensureAlarmBy` for an object that sets its alarm in every call: remembers the time, to save `getAlarm`. */
export class Alarm {
  readonly #storage: DurableObjectStorage;
  #armed_ms = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  async ensureBy(at_ms: number, now_ms: number): Promise<void> {
    if (this.#armed_ms > now_ms && this.#armed_ms <= at_ms) return;
    this.#armed_ms = await ensureAlarmBy(this.#storage, at_ms, now_ms);
  }

  /** Call this first in the alarm handler. An alarm may fire early, and is no longer set then. */
  markFired(): void {
    this.#armed_ms = 0;
  }
}
