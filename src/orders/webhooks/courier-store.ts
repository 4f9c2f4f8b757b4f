import { COURIER_SCHEMA } from "./courier-schema.ts";
import type { WebhookEvent } from "./payload.ts";
import type { Progress } from "./progress.ts";
import type { Attempt } from "./webhook.ts";

/** What a courier has of its endpoint's events, in its own SQLite. */

/** Delivered events are kept this long, and so many of them. */
const KEPT_MS = 3 * 86_400_000;
const MAX_KEPT = 10_000;
const PRUNE_STEP = 1_000;

export type EventState = "pending" | "parked" | "delivered";

/** What a courier needs of an event to send it. */
export interface StoredEvent {
  seq: number;
  id: string;
  subject: string;
  body: string;
}

/** An event and its last attempt, as operators see it. */
export interface Delivery {
  id: string;
  subject: string;
  type: string;
  at: string;
  state: EventState;
  attempts: number;
  lastAttempt: { at: string; status: number | null; answer: string; tookMs: number } | null;
  /** JSON: what is sent. */
  body: string;
}

interface EventRow {
  seq: number;
  id: string;
  subject: string;
  type: string;
  body: string;
  at: number;
  state: EventState;
  attempts: number;
  last_at: number | null;
  last_status: number | null;
  last_answer: string | null;
  took_ms: number | null;
}

export class CourierStore {
  readonly #storage: DurableObjectStorage;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    const version = storage.kv.get<number>("schema") ?? 0;
    storage.transactionSync(() => {
      for (const statements of COURIER_SCHEMA.slice(version)) storage.sql.exec(statements);
      if (version < COURIER_SCHEMA.length) storage.kv.put("schema", COURIER_SCHEMA.length);
    });
  }

  get progress(): Progress | undefined {
    return this.#storage.kv.get<Progress>("progress");
  }

  set progress(progress: Progress) {
    this.#storage.kv.put("progress", progress);
  }

  /** Stores events and how far they were read in one transaction: no event is lost or read twice. */
  add(events: readonly WebhookEvent[], progress: Progress): void {
    this.#storage.transactionSync(() => {
      for (const { id, subject, type, customerId, body, at_ms } of events) {
        // Behind an event that is parked, so that those of one subject stay in sequence.
        this.#storage.sql.exec(
          `INSERT INTO events (id, subject, type, customer_id, body, at, state)
           VALUES (?1, ?2, ?3, ?4, ?5, ?6, iif(EXISTS (SELECT 1 FROM events
             WHERE state = 'parked' AND subject = ?2), 'parked', 'pending'))
           ON CONFLICT (id) DO NOTHING`,
          id,
          subject,
          type,
          customerId,
          body,
          at_ms,
        );
      }
      this.#dropSuperseded();
      this.progress = progress;
    });
  }

  /**
   * Of the parked events of an item only the newest stays: it says what is so now, and an item that goes
   * on selling out and coming back would otherwise fill the storage. By the type, because a payment may
   * name any text as its order, which is then its subject.
   */
  #dropSuperseded(): void {
    this.#storage.sql.exec(
      `DELETE FROM events WHERE state = 'parked' AND state <> 'delivered' AND type GLOB 'item.*'
         AND seq NOT IN (SELECT max(seq) FROM events
           WHERE state = 'parked' AND state <> 'delivered' AND type GLOB 'item.*' GROUP BY subject)`,
    );
  }

  count(state: Exclude<EventState, "delivered">): number {
    const cursor = this.#storage.sql.exec<{ n: number }>(
      "SELECT count(*) AS n FROM events WHERE state = ? AND state <> 'delivered'",
      state,
    );
    return cursor.one().n;
  }

  /** Of how many orders, payments and items events are parked. */
  parkedSubjects(): number {
    const cursor = this.#storage.sql.exec<{ n: number }>(
      `SELECT count(DISTINCT subject) AS n FROM events
       WHERE state = 'parked' AND state <> 'delivered'`,
    );
    return cursor.one().n;
  }

  /** The oldest events to be sent, each subject's in sequence. */
  lanes(limit: number): StoredEvent[][] {
    const rows = this.#storage.sql
      .exec<Pick<EventRow, keyof StoredEvent>>(
        `SELECT seq, id, subject, body FROM events
         WHERE state = 'pending' AND state <> 'delivered' ORDER BY seq LIMIT ?`,
        limit,
      )
      .toArray();
    return [...Map.groupBy(rows, ({ subject }) => subject).values()];
  }

  record(seq: number, { status, answer, took_ms }: Attempt, isDelivered: boolean, at_ms: number) {
    this.#storage.sql.exec(
      `UPDATE events SET state = iif(?2, 'delivered', state), attempts = attempts + 1, last_at = ?3,
         last_status = ?4, last_answer = ?5, took_ms = ?6 WHERE seq = ?1`,
      seq,
      isDelivered ? 1 : 0,
      at_ms,
      status,
      answer,
      took_ms,
    );
  }

  /** Sets the events of a subject that were not delivered aside, or has them sent again. */
  move(subject: string, to: "parked" | "pending"): void {
    this.#storage.sql.exec(
      "UPDATE events SET state = ?2 WHERE subject = ?1 AND state <> 'delivered'",
      subject,
      to,
    );
    this.#dropSuperseded();
  }

  /** Has an event sent again, and all of its subject that were not delivered. False: unknown. */
  resend(id: string): boolean {
    const [found] = this.#storage.sql.exec<{ subject: string }>(
      "UPDATE events SET state = 'pending' WHERE id = ? RETURNING subject",
      id,
    );
    if (!found) return false;
    this.move(found.subject, "pending");
    return true;
  }

  /** Newest first. */
  list(state: EventState | null, before: number, limit: number): (Delivery & { seq: number })[] {
    const rows = this.#storage.sql.exec<EventRow & Record<string, SqlStorageValue>>(
      `SELECT * FROM events WHERE seq < ?1 AND (?2 IS NULL OR state = ?2) ORDER BY seq DESC LIMIT ?3`,
      before,
      state,
      limit,
    );
    return rows.toArray().map((row) => ({ seq: row.seq, ...deliveryOf(row) }));
  }

  /** Takes a customer's name out of the bodies. */
  erase(customerId: string, erasedId: string): void {
    this.#storage.sql.exec(
      `UPDATE events SET customer_id = ?2,
         body = json_remove(json_set(body, '$.data.customerId', ?2), '$.data.metadata')
       WHERE customer_id = ?1`,
      customerId,
      erasedId,
    );
  }

  /** Deletes delivered events that are old, or too many. Few others are in between: see `MAX_PARKED`. */
  prune(now_ms: number): void {
    this.#storage.sql.exec(
      `DELETE FROM events WHERE seq IN (SELECT seq FROM events WHERE state = 'delivered'
           ORDER BY seq LIMIT ${PRUNE_STEP})
         AND (at < ?1 OR seq <= (SELECT max(seq) FROM events) - ${MAX_KEPT})`,
      now_ms - KEPT_MS,
    );
  }
}

function deliveryOf(row: EventRow): Delivery {
  const { id, subject, type, at, state, attempts, last_at, last_status, last_answer } = row;
  return {
    id,
    subject,
    type,
    at: new Date(at).toISOString(),
    state,
    attempts,
    lastAttempt:
      last_at === null
        ? null
        : {
            at: new Date(last_at).toISOString(),
            status: last_status,
            answer: last_answer ?? "",
            tookMs: row.took_ms ?? 0,
          },
    body: row.body,
  };
}
