import type { Actor } from "../../contract/actor.ts";
import { log } from "../../runtime/log.ts";
import { cursorOf } from "../changes/change.ts";
import { copyFrozen, raiseBeat, readService, saveFrozenAt } from "../database/service.sql.ts";
import { newEpoch, newestChange, restartEpoch } from "../order/changes.sql.ts";
import type { Frozen } from "../order/schedule-reconcile.ts";
import { restartCouriers } from "../webhooks/webhooks.sql.ts";

/** The storage that a Durable Object has for single values. */
type Values = Pick<SyncKvStorage, "get" | "put" | "delete">;

export interface Thaw {
  actor: Actor;
  /** Also if a database that was put back has not been recovered. */
  isForced: boolean;
}

/** Raising the beat costs a row in D1 and one here: at most 0.52 million each a month of traffic. */
const RAISE_INTERVAL_MS = 5_000;
/** After a thaw no deadline ends an order before so long, as nobody could pay meanwhile. */
const MAX_GRACE_MS = 900_000;

/**
 * Compares the beat of D1 with the reconciler's own before anything is done by the clock. D1 is behind
 * only if it was put back to an earlier state: then the service freezes until an operator thaws it.
 * The frozen state is the reconciler's; D1 has a copy, by which every transaction is judged.
 */
export class Heartbeat {
  readonly #values: Values;
  #raised_ms = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(values: Values) {
    this.#values = values;
  }

  /** The greatest beat that D1 is known to have had. */
  get beat(): number {
    return this.#values.get<number>("beat") ?? 0;
  }

  get frozen(): Frozen | null {
    return this.#values.get<Frozen>("frozen") ?? null;
  }

  /** No deadline ends an order before this time. One that a clock which ran ahead has set is void. */
  deadlinesFrom_ms(now_ms: number): number {
    const from_ms = this.#values.get<number>("deadlines from") ?? 0;
    return from_ms > now_ms + MAX_GRACE_MS ? 0 : from_ms;
  }

  /** Whether the beat is to be raised again. */
  isDue(now_ms: number): boolean {
    return Math.abs(now_ms - this.#raised_ms) >= RAISE_INTERVAL_MS;
  }

  /**
   * Runs checks, freezes and thaws one after the other: each decides by what it has read, and a second
   * one meanwhile would decide by what the first is about to change. Each call of D1 has a time limit.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Returns the beat that D1 must have for what follows; null: the service is frozen. */
  check(db: D1Database, now_ms: number): Promise<number | null> {
    return this.#inTurn(() => this.#check(db, now_ms));
  }

  async #check(db: D1Database, now_ms: number): Promise<number | null> {
    const own = this.beat;
    const service = await readService(db);
    if (service.beat < own) return this.#freezePutBack(db, service.beatAt_ms, now_ms);
    const isFrozen = this.frozen !== null;
    // A freeze or a thaw that died half way, or a Reconciler whose own storage was put back.
    if (isFrozen !== service.isFrozen) await copyFrozen(db, isFrozen, own);
    if (isFrozen) return null;
    // Also after an eviction, which forgets when it was.
    this.#raised_ms = service.beatAt_ms;
    if (service.beat === own && !this.isDue(now_ms)) return own;
    const before = await raiseBeat(db, now_ms);
    // Put back between the two statements.
    if (before < own) return this.#freezePutBack(db, service.beatAt_ms, now_ms);
    this.#values.put("beat", before + 1);
    this.#raised_ms = now_ms;
    return before + 1;
  }

  /** Once more while it is frozen: D1 was put back again, and recovery has to begin anew. */
  async #freezePutBack(db: D1Database, beatAt_ms: number, now_ms: number): Promise<null> {
    const known = this.frozen;
    const restoredTo_ms = Math.min(known?.restoredTo_ms ?? beatAt_ms, beatAt_ms);
    this.#values.put("frozen", {
      at_ms: known?.at_ms ?? now_ms,
      reason: "database_put_back",
      actor: null,
      restoredTo_ms,
      run: null,
      isRecovered: false,
    } satisfies Frozen);
    const beat = this.beat + 1;
    this.#values.put("beat", beat);
    log("error", "service.frozen", { reason: "database_put_back", restoredTo_ms });
    // Before the beat, which says that this is done.
    await restartChanges(db);
    await saveFrozenAt(db, beat);
    return null;
  }

  /** Freezes by hand. Repeating it changes nothing. */
  freeze(db: D1Database, actor: Actor, now_ms: number): Promise<Frozen> {
    return this.#inTurn(() => this.#freeze(db, actor, now_ms));
  }

  async #freeze(db: D1Database, actor: Actor, now_ms: number): Promise<Frozen> {
    await this.#check(db, now_ms);
    const frozen: Frozen = this.frozen ?? {
      at_ms: now_ms,
      reason: "operator",
      actor,
      restoredTo_ms: null,
      run: null,
      isRecovered: false,
    };
    this.#values.put("frozen", frozen);
    await copyFrozen(db, true, this.beat);
    log("warn", "service.frozen", { reason: frozen.reason, actor: actor.sub });
    return frozen;
  }

  /** Returns what is still in the way; null: the service runs. */
  thaw(db: D1Database, asked: Thaw, now_ms: number): Promise<"recovery_needed" | null> {
    return this.#inTurn(() => this.#thaw(db, asked, now_ms));
  }

  async #thaw(
    db: D1Database,
    { actor, isForced }: Thaw,
    now_ms: number,
  ): Promise<"recovery_needed" | null> {
    await this.#check(db, now_ms);
    const { frozen } = this;
    if (!frozen) return null;
    const mustRecover = frozen.reason === "database_put_back" && !frozen.isRecovered;
    if (mustRecover && !isForced) return "recovery_needed";
    const lasted_ms = Math.max(0, now_ms - frozen.at_ms);
    const grace_ms =
      frozen.restoredTo_ms === null ? Math.min(lasted_ms, MAX_GRACE_MS) : MAX_GRACE_MS;
    this.#values.put("deadlines from", now_ms + grace_ms);
    await copyFrozen(db, false, this.beat);
    this.#values.delete("frozen");
    log("warn", "service.thawed", { actor: actor.sub, isForced, isRecovered: frozen.isRecovered });
    return null;
  }

  /** A run of recovery begins at its first page. */
  beginRecovery(run: string): void {
    const { frozen } = this;
    if (frozen) this.#values.put("frozen", { ...frozen, run, isRecovered: false });
  }

  /** The last page of a run is done. A run that another one has overtaken counts for nothing. */
  endRecovery(run: string): void {
    const { frozen } = this;
    if (frozen?.run === run) this.#values.put("frozen", { ...frozen, isRecovered: true });
  }
}

/**
 * Begins another epoch of the changes, because the database has another past: readers are told
 * `changes_reset`. The couriers of webhooks go on behind the newest row that there is now.
 */
async function restartChanges(db: D1Database): Promise<void> {
  const epoch = newEpoch();
  const cursor = cursorOf(epoch, { row: await newestChange(db), index: null });
  await db.batch([restartEpoch(db, epoch), restartCouriers(db, cursor)]);
}
