import { DurableObject } from "cloudflare:workers";
import { ensureAlarmBy } from "../../runtime/alarm.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";
import { withTimeLimits } from "../database/d1.ts";
import { earliestDue } from "../order/order-queries.sql.ts";
import { settlePorts } from "../outcomes/settle-ports.ts";
import { refreshLevels } from "./refresh-levels.ts";
import { scanPaymentWindows, SCAN_START, type WindowScan } from "./payment-windows.ts";
import { policyOf } from "../config/policy.ts";
import { NO_CURSORS, prune, type PruneCursors } from "./retention.ts";
import { reconcile } from "./reconcile.ts";

/** The alarm comes back this soon at the earliest and at the latest while anything is due. */
const SOONEST_MS = 1_000;
/** With the stock Worker away, what waits for it stays due: it is not asked again each second. */
const SOONEST_WITHOUT_STOCK_MS = 5_000;
const LATEST_MS = 60_000;
const PASS_TIMEOUT_MS = 120_000;

/** Where the rounds that take several minutes go on. */
type Cursors = PruneCursors & { levels: string };
const START: Cursors = { levels: "", ...NO_CURSORS };

/** The one object that acts on due orders: by its alarm, and by the cron that pokes it. */
export class Reconciler extends DurableObject<OrdersEnv> {
  #pass: Promise<void> | null = null;
  #upkeep: Promise<void> | null = null;
  /** The latest time asked for: an earlier alarm that finds nothing due must not forget it. */
  #horizon_ms = 0;

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
  }

  /** Sees to it that a pass runs at `at_ms` or before. */
  async watch(at_ms: number): Promise<void> {
    this.#horizon_ms = Math.max(this.#horizon_ms, at_ms);
    await ensureAlarmBy(this.ctx.storage, at_ms, Date.now());
  }

  /** The cron's minute: a pass over what is due, a round of levels, a round of housekeeping. */
  async poke(): Promise<void> {
    await this.#run();
    await this.#runHousekeeping();
  }

  override async alarm(): Promise<void> {
    await this.#run();
  }

  /** One pass at a time; who comes meanwhile waits for it. */
  #run(): Promise<void> {
    this.#pass ??= this.#once().finally(() => {
      this.#pass = null;
    });
    return this.#pass;
  }

  /** One round at a time: while D1 is slow those of several minutes would only add to it. */
  #runHousekeeping(): Promise<void> {
    this.#upkeep ??= this.#housekeepingRound().finally(() => {
      this.#upkeep = null;
    });
    return this.#upkeep;
  }

  /** Each of its calls has a time limit, so that no round stands in the way of all later ones. */
  async #housekeepingRound(): Promise<void> {
    const { kv } = this.ctx.storage;
    const before = { ...START, ...kv.get<Cursors>("cursors") };
    const levels = await refreshLevels(this.env, before.levels).catch((error: unknown) => {
      log("error", "levels.refresh_failed", { error: errorText(error) });
      return before.levels;
    });
    const pruned = await prune(this.env.DB, policyOf(this.env), before, Date.now());
    const after = { ...pruned, levels };
    if (JSON.stringify(after) !== JSON.stringify(before)) kv.put("cursors", after);
    await this.#openPaymentWindows();
  }

  async #openPaymentWindows(): Promise<void> {
    const { kv } = this.ctx.storage;
    const before = kv.get<WindowScan>("payment windows") ?? SCAN_START;
    const after = await scanPaymentWindows(this.env.DB, policyOf(this.env), before, Date.now());
    if (JSON.stringify(after) !== JSON.stringify(before)) kv.put("payment windows", after);
  }

  /** Never throws, and always re-arms while anything is due. */
  async #once(): Promise<void> {
    let soonest_ms = SOONEST_MS;
    try {
      const ports = { ...settlePorts(this.env), stock: this.env.STOCK, random: Math.random };
      // Bounded, since all later passes wait for this one. Passes may overlap: each claims its own.
      const isAnswered = await withTimeout(PASS_TIMEOUT_MS, () => reconcile(ports), "the pass");
      if (!isAnswered) soonest_ms = SOONEST_WITHOUT_STOCK_MS;
    } catch (error) {
      log("error", "reconcile.failed", { error: errorText(error) });
    } finally {
      await this.#rearm(soonest_ms);
    }
  }

  async #rearm(soonest_ms: number): Promise<void> {
    const now_ms = Date.now();
    const wanted: number[] = this.#horizon_ms > now_ms ? [this.#horizon_ms] : [];
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
