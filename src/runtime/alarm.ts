/** An alarm this long overdue counts as lost: one in the past has been seen stuck. */
const OVERDUE_MS = 5_000;

/**
 * Sees to it that the object's one alarm comes at `at_ms` or before. Answers with when it comes. The
 * only place that calls `setAlarm`, which would put a later time over an earlier one. In the handler
 * of an alarm `getAlarm` is null until somebody sets the next one (Durable Objects, Alarms), so there
 * this sets the alarm unless a call that came meanwhile has set an earlier one.
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

/** The same for an object whose every call arms: what it has armed itself it need not ask for. */
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

  /** Call it first thing in the handler: the alarm is gone, even if it came before its time. */
  markFired(): void {
    this.#armed_ms = 0;
  }
}
