import { DurableObject } from "cloudflare:workers";
import { errorText, log } from "../../contract/log.ts";
import { earliestDue } from "../orders.sql.ts";
import { settlePorts } from "../settle/ports.ts";
import { refreshLevels } from "./levels.ts";
import { policyOf } from "../policy.ts";
import { prune, type PruneCursors } from "./prune.sql.ts";
import { reconcile } from "./reconcile.ts";

/** The alarm comes back this soon at the earliest and at the latest while anything is due. */
const SOONEST_MS = 1_000;
const LATEST_MS = 60_000;
/** An alarm this long overdue counts as lost: one in the past has been seen stuck. */
const OVERDUE_MS = 5_000;

/** Where the rounds that take several minutes go on. */
type Cursors = PruneCursors & { levels: string };
const START: Cursors = { levels: "", orders: "", presence: "" };

/** The one object that acts on due orders: by its alarm, and by the cron that pokes it. */
export class Reconciler extends DurableObject<OrdersEnv> {
  #pass: Promise<void> | null = null;

  /** Sees to it that a pass runs at `at_ms` or before. */
  async watch(at_ms: number): Promise<void> {
    const now_ms = Date.now();
    const armed_ms = await this.ctx.storage.getAlarm();
    if (armed_ms !== null && armed_ms <= at_ms && armed_ms > now_ms - OVERDUE_MS) return;
    await this.ctx.storage.setAlarm(Math.max(at_ms, now_ms));
  }

  /** The cron's minute: a pass over what is due, a round of levels, a step of housekeeping. */
  async poke(): Promise<void> {
    await this.#run();
    const { kv } = this.ctx.storage;
    const before = kv.get<Cursors>("cursors") ?? START;
    const levels = await refreshLevels(this.env, before.levels);
    const after = { ...before, levels };
    try {
      Object.assign(after, await prune(this.env.DB, policyOf(this.env), before, Date.now()));
    } catch (error) {
      log("error", "prune.failed", { error: errorText(error) });
    }
    if (JSON.stringify(after) !== JSON.stringify(before)) kv.put("cursors", after);
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

  /** Never throws, and always re-arms while anything is due. */
  async #once(): Promise<void> {
    try {
      await reconcile({
        ...settlePorts(this.env),
        stock: this.env.STOCK,
        random: Math.random,
      });
    } catch (error) {
      log("error", "reconcile.failed", { error: errorText(error) });
    } finally {
      await this.#rearm();
    }
  }

  async #rearm(): Promise<void> {
    const now_ms = Date.now();
    let due_ms: number | null = now_ms + LATEST_MS;
    try {
      due_ms = await earliestDue(this.env.DB);
    } catch (error) {
      log("error", "reconcile.due_unread", { error: errorText(error) });
    }
    if (due_ms === null) return;
    const at_ms = Math.min(Math.max(due_ms, now_ms + SOONEST_MS), now_ms + LATEST_MS);
    await this.watch(at_ms);
  }
}
