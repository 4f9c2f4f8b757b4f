import { DurableObject } from "cloudflare:workers";
import { ensureAlarmBy } from "../../runtime/alarm.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { policyOf } from "../config/policy.ts";
import { withTimeLimits } from "../database/d1.ts";
import { earliestDue } from "../order/order-queries.sql.ts";
import type { ReconcilerHealth } from "../order/schedule-reconcile.ts";
import { settlePorts } from "../outcomes/settle-ports.ts";
import { wakeCouriers } from "../webhooks/couriers.ts";
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
  /** The latest time asked for: an earlier alarm that finds nothing due must keep it. */
  #latestWatch_ms = 0;

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
  }

  /** Ensures that a pass runs at `at_ms` or earlier. */
  async watch(at_ms: number): Promise<void> {
    this.#latestWatch_ms = Math.max(this.#latestWatch_ms, at_ms);
    await ensureAlarmBy(this.ctx.storage, at_ms, Date.now());
  }

  /** Called by the cron each minute: a pass, then a round of levels and of housekeeping. */
  async poke(): Promise<void> {
    this.ctx.storage.kv.put("cron", Date.now());
    await this.#pass();
    await this.#housekeeping();
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
    };
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
    const levels = kv.get<LevelCursors>("level cursors") ?? NO_LEVEL_CURSORS;
    const reread = await refreshLevels(this.env, levels, this.#heard).catch((error: unknown) => {
      log("error", "levels.refresh_failed", { error: errorText(error) });
      return levels;
    });
    this.#saveIfChanged("level cursors", levels, reread);
    const policy = policyOf(this.env);
    const before = cursorsFrom(kv.get<PruneCursors>("cursors"));
    const pruned = await prune(this.env.DB, policy, before, Date.now());
    this.#saveIfChanged("cursors", before, pruned);
    const paid = await healWaitingPayments(this.env.DB, policy, Date.now());
    if (paid > 0) await this.watch(Date.now());
    await wakeCouriers(this.env);
    const scan = kv.get<WindowScan>("payment windows") ?? SCAN_START;
    const next = await scanPaymentWindows(this.env.DB, policy, scan, Date.now());
    this.#saveIfChanged("payment windows", scan, next);
  }

  #saveIfChanged<T>(key: string, before: T, after: T): void {
    if (JSON.stringify(after) !== JSON.stringify(before)) this.ctx.storage.kv.put(key, after);
  }

  /** Never throws. Sets the next alarm whenever anything is due. */
  async #runPass(): Promise<void> {
    let soonest_ms = SOONEST_MS;
    try {
      const ports = { ...settlePorts(this.env), stock: this.env.STOCK, random: Math.random };
      // Limited, since later passes wait for this one. Passes may overlap: each claims its own.
      const isAnswered = await withTimeout(PASS_TIMEOUT_MS, () => reconcile(ports), "the pass");
      if (!isAnswered) {
        soonest_ms = SOONEST_WITHOUT_STOCK_MS;
        this.#heard(false);
      }
    } catch (error) {
      log("error", "reconcile.failed", { error: errorText(error) });
    } finally {
      await this.#rearm(soonest_ms);
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
