import { DurableObject } from "cloudflare:workers";
import type { Actor } from "../../contract/actor.ts";
import { ensureAlarmBy } from "../../runtime/alarm.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { withTimeLimits } from "../database/d1.ts";
import { withFence } from "../database/fenced.ts";
import { earliestDue } from "../order/order-queries.sql.ts";
import type { Frozen, ReconcilerHealth } from "../order/schedule-reconcile.ts";
import { settlePorts } from "../outcomes/settle-ports.ts";
import { wakeCouriers } from "../webhooks/couriers.ts";
import { Heartbeat } from "./heartbeat.ts";
import { pausePutBack } from "./pause-put-back.ts";
import { scanPaymentWindows, SCAN_START, type WindowScan } from "./payment-windows.ts";
import { reconcile } from "./reconcile.ts";
import { type LevelCursors, NO_LEVEL_CURSORS, refreshLevels } from "./refresh-levels.ts";
import { cursorsFrom, prune, type PruneCursors } from "./retention.ts";
import { healWaitingPayments } from "./waiting-payments.ts";

/** The earliest and the latest next alarm while anything is due. */
const SOONEST_MS = 1_000;
const LATEST_MS = 60_000;
/** The earliest next alarm if the stock Worker did not answer: what needs it stays due. */
const SOONEST_WITHOUT_STOCK_MS = 5_000;
const PASS_TIMEOUT_MS = 120_000;

/** Runs `work` one at a time: a call while it runs waits for the same run. */
function singleFlight(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  const end = () => {
    running = null;
  };
  return () => (running ??= work().finally(end));
}

/** The one object that acts on due orders, started by its alarm and by the cron. */
export class Reconciler extends DurableObject<OrdersEnv> {
  readonly #pass = singleFlight(() => this.#runPass());
  /** One round at a time: while D1 is slow, concurrent rounds would only add to its load. */
  readonly #housekeeping = singleFlight(() => this.#runHousekeeping());
  readonly #heartbeat = new Heartbeat(this.ctx.storage.kv);
  /** The latest time asked for: an earlier alarm that finds nothing due must keep it. */
  #latestWatch_ms = 0;

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
  }

  /** Ensures that a pass runs at `at_ms` or earlier. Tells the beat that D1 has at least. */
  async watch(at_ms: number): Promise<{ beat: number }> {
    const { beat, frozen } = this.#heartbeat;
    // What is refused while the service is frozen asks for no pass.
    if (frozen !== null) return { beat };
    this.#latestWatch_ms = Math.max(this.#latestWatch_ms, at_ms);
    const now_ms = Date.now();
    await ensureAlarmBy(this.ctx.storage, at_ms, now_ms);
    // Beats while there is traffic, so that a restore to some seconds ago is noticed too.
    if (this.#heartbeat.isDue(now_ms)) this.ctx.waitUntil(this.#beat());
    return { beat };
  }

  /** One at a time. Never throws: the next pass compares the beats before it does anything. */
  readonly #beat = singleFlight(async () => {
    try {
      await this.#heartbeat.check(this.env.DB, Date.now());
    } catch (error) {
      log("warn", "beat.failed", { error: errorText(error) });
    }
  });

  /** Called by the cron each minute: a pass, then a round of levels and of housekeeping. */
  async poke(): Promise<void> {
    this.ctx.storage.kv.put("cron", Date.now());
    await this.#pass();
    if (this.#heartbeat.frozen === null) await this.#housekeeping();
  }

  override async alarm(): Promise<void> {
    await this.#pass();
  }

  health(): ReconcilerHealth {
    const { kv } = this.ctx.storage;
    return {
      cronAt_ms: kv.get<number>("cron") ?? null,
      startedAt_ms: this.#startedAt_ms(),
      stockAwaySince_ms: kv.get<number>("stock away since") ?? null,
      frozen: this.#heartbeat.frozen,
    };
  }

  freeze(actor: Actor): Promise<Frozen> {
    return this.#heartbeat.freeze(this.env.DB, actor, Date.now());
  }

  async thaw(options: { actor: Actor; isForced: boolean }): Promise<"recovery_needed" | null> {
    const left = await this.#heartbeat.thaw(this.env.DB, options, Date.now());
    if (left === null) await this.watch(Date.now());
    return left;
  }

  /** What recovery has to know; null: the service is not frozen. */
  async recovery(): Promise<{ frozen: Frozen; beat: number } | null> {
    await this.#heartbeat.check(this.env.DB, Date.now());
    const { frozen, beat } = this.#heartbeat;
    return frozen && { frozen, beat };
  }

  beginRecovery(run: string): void {
    this.#heartbeat.beginRecovery(run);
  }

  endRecovery(run: string): void {
    this.#heartbeat.endRecovery(run);
  }

  #startedAt_ms(): number {
    const { kv } = this.ctx.storage;
    const known = kv.get<number>("started");
    if (known === undefined) kv.put("started", Date.now());
    return known ?? Date.now();
  }

  /** Keeps since when the stock Worker has not answered. */
  readonly #heard = (isAnswered: boolean): void => {
    const { kv } = this.ctx.storage;
    const since_ms = kv.get<number>("stock away since");
    if (isAnswered && since_ms !== undefined) kv.delete("stock away since");
    if (!isAnswered && since_ms === undefined) kv.put("stock away since", Date.now());
  };

  /** Each of its calls has a time limit, so that no round blocks the later ones. */
  async #runHousekeeping(): Promise<void> {
    const { kv } = this.ctx.storage;
    const env = withFence(this.env, this.#heartbeat.beat);
    const levels = kv.get<LevelCursors>("level cursors") ?? NO_LEVEL_CURSORS;
    const reread = await refreshLevels(env, levels, this.#heard).catch((error: unknown) => {
      log("error", "levels.refresh_failed", { error: errorText(error) });
      return levels;
    });
    this.#saveIfChanged("level cursors", levels, reread);
    await pausePutBack(env);
    const policy = policyOf(env);
    const before = cursorsFrom(kv.get<PruneCursors>("cursors"));
    const pruned = await prune(env.DB, policy, before, Date.now());
    this.#saveIfChanged("cursors", before, pruned);
    const paid = await healWaitingPayments(env.DB, policy, Date.now());
    if (paid > 0) await this.watch(Date.now());
    await wakeCouriers(env);
    const scan = kv.get<WindowScan>("payment windows") ?? SCAN_START;
    const next = await scanPaymentWindows(env.DB, policy, scan, Date.now());
    this.#saveIfChanged("payment windows", scan, next);
  }

  #saveIfChanged<T>(key: string, before: T, after: T): void {
    if (JSON.stringify(after) !== JSON.stringify(before)) this.ctx.storage.kv.put(key, after);
  }

  /** Never throws. Sets the next alarm whenever anything is due, but none while it is frozen. */
  async #runPass(): Promise<void> {
    let soonest_ms = SOONEST_MS;
    try {
      const beat = await this.#heartbeat.check(this.env.DB, Date.now());
      if (beat === null) return;
      const ports = {
        ...settlePorts(withFence(this.env, beat)),
        stock: this.env.STOCK,
        random: Math.random,
        deadlinesFrom_ms: this.#heartbeat.deadlinesFrom_ms(Date.now()),
      };
      // Limited, since later passes wait for this one. Passes may overlap: each claims its own.
      const isAnswered = await withTimeout(PASS_TIMEOUT_MS, () => reconcile(ports), "the pass");
      if (!isAnswered) {
        soonest_ms = SOONEST_WITHOUT_STOCK_MS;
        this.#heard(false);
      }
    } catch (error) {
      log("error", "reconcile.failed", { error: errorText(error) });
    } finally {
      if (this.#heartbeat.frozen === null) await this.#rearm(soonest_ms);
    }
  }

  async #rearm(soonest_ms: number): Promise<void> {
    const now_ms = Date.now();
    const wanted: number[] = this.#latestWatch_ms > now_ms ? [this.#latestWatch_ms] : [];
    try {
      const due_ms = await earliestDue(this.env.DB);
      if (due_ms !== null) wanted.push(due_ms);
    } catch (error) {
      log("error", "reconcile.due_read_failed", { error: errorText(error) });
      wanted.push(now_ms + LATEST_MS);
    }
    if (wanted.length === 0) return;
    const at_ms = Math.max(Math.min(...wanted), now_ms + soonest_ms);
    await ensureAlarmBy(this.ctx.storage, Math.min(at_ms, now_ms + LATEST_MS), now_ms);
  }
}
