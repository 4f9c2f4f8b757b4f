/** Waits between rereads of D1 while an order is unfinished; the last one repeats. */
export const REREAD_MS = [5_000, 15_000, 60_000] as const;
/** While no order is unfinished, this reread finds a change whose push was lost. */
export const IDLE_REREAD_MS = 300_000;

/** Derives the wait from the time of the last transition, since hibernation clears any counter. */
export function rereadAfter(unfinishedSince_ms: number | null, now_ms: number): number {
  if (unfinishedSince_ms === null) return IDLE_REREAD_MS;
  const [soon, later, latest] = REREAD_MS;
  const age_ms = now_ms - unfinishedSince_ms;
  if (age_ms < soon) return soon;
  return age_ms < soon + later ? later : latest;
}

/** Storage key: when D1 was last reread successfully. */
const REREAD_AT_KEY = "looked_at";
/** Rereads overlap by so much, since the clocks that set `updated_at` differ. */
const OVERLAP_MS = 60_000;

/** From when on changes may not have been pushed. */
export class LastReread {
  readonly #kv: DurableObjectStorage["kv"];

  constructor(kv: DurableObjectStorage["kv"]) {
    this.#kv = kv;
  }

  since_ms(now_ms: number): number {
    return (this.#kv.get<number>(REREAD_AT_KEY) ?? now_ms - IDLE_REREAD_MS) - OVERLAP_MS;
  }

  /** Call it only after success, so that the reread after a failed one covers its time too. */
  store(now_ms: number): void {
    this.#kv.put(REREAD_AT_KEY, now_ms);
  }

  /**
   * A socket is open, beside so many others. With the first, rereads need not cover the absence
   * before. A reconnect writes nothing.
   */
  opened(now_ms: number, others: number): void {
    const last_ms = this.#kv.get<number>(REREAD_AT_KEY);
    const isAfterAbsence = others === 0 && (last_ms ?? 0) <= now_ms - IDLE_REREAD_MS;
    // Of sockets that open together none is the first.
    if (last_ms === undefined || isAfterAbsence) this.store(now_ms);
  }

  /** The customer is absent. The next socket's snapshot has all that changes until then. */
  forget(): void {
    this.#kv.delete(REREAD_AT_KEY);
  }
}
