import { DurableObject } from "cloudflare:workers";
import { policyOf } from "../config/policy.ts";
import { withTimeLimits } from "../database/d1.ts";
import { fenced, FrozenError } from "../database/fenced.ts";
import { announce, notifyCustomers } from "../order/announce.ts";
import type { FeedNotifier } from "../order/feed-notifier.ts";
import { firstDue_ms } from "../order/order.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";
import { settlePorts } from "../outcomes/settle-ports.ts";
import { settle } from "../outcomes/settle.ts";
import { GroupCommit } from "./group-commit.ts";
import { Lane } from "./lane.ts";
import { type Candidate, FROZEN, type Placement, placeAll } from "./placement.sql.ts";

/** After a call that the reconciler did not answer, commits skip the call for this long. */
const RETRY_WATCH_MS = 10_000;

/** The Durable Object that commits its customers' orders in groups. It stores nothing: orders wait in memory. */
export class OrderDesk extends DurableObject<OrdersEnv> {
  #watchedUntil_ms = 0;
  /** The beat that the database has at least, by the reconciler and by the commits of this desk. */
  #beat = 0;
  /**
   * Callers that sent `Prefer: wait` get the outcome in the response. Pushing to open WebSockets
   * happens in the background and does not delay that response.
   */
  readonly #feeds: FeedNotifier = {
    push: (orders) => {
      void notifyCustomers(this.env, orders);
      return Promise.resolve({ unnotified: new Map() });
    },
    isExhausted: () => false,
  };
  readonly #lane = new Lane({
    execute: async (events, within_ms) => await this.env.STOCK.execute(events, within_ms),
    settle: async (outcomes, orderIds) => {
      const ports = { ...settlePorts(this.env), feeds: this.#feeds };
      const { orders } = await settle(outcomes, ports, orderIds);
      return orders;
    },
    now: Date.now,
  });
  readonly #desk = new GroupCommit({
    placeAll: (candidates) => this.#placeAll(candidates),
    watch: () => this.#watch(),
    decide: (order) => this.#lane.run(order),
    announce: (placed) => announce(this.env, placed),
  });

  constructor(ctx: DurableObjectState, env: OrdersEnv) {
    super(ctx, withTimeLimits(env));
  }

  /** `wait_ms`: how long the caller waits for the outcome; 0: not at all. */
  place(candidate: Candidate, wait_ms: number): Promise<Placement> {
    return this.#desk.place(candidate, wait_ms);
  }

  async #placeAll(candidates: readonly Candidate[]): Promise<Placement[]> {
    const learn = (beat: number) => {
      this.#beat = Math.max(this.#beat, beat);
    };
    const db = fenced(this.env.DB, { beat: this.#beat, learn });
    try {
      return await placeAll(db, candidates, policyOf(this.env), Date.now());
    } catch (error) {
      if (!(error instanceof FrozenError)) throw error;
      return candidates.map(() => FROZEN);
    }
  }

  /**
   * Schedules the reconciler before the commit, so that it finds the orders even if this desk crashes
   * right after the commit. It reschedules itself while anything is due, so most commits skip the call.
   */
  async #watch(): Promise<void> {
    const now_ms = Date.now();
    const wait_ms = firstDue_ms(policyOf(this.env));
    if (this.#watchedUntil_ms > now_ms + wait_ms / 3) return;
    const { isHeard, beat } = await scheduleReconcile(this.env, now_ms + wait_ms);
    this.#beat = Math.max(this.#beat, beat);
    this.#watchedUntil_ms = now_ms + (isHeard ? wait_ms : wait_ms / 3 + RETRY_WATCH_MS);
  }
}
