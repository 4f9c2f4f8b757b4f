import { DurableObject } from "cloudflare:workers";
import { errorText, log } from "../../contract/log.ts";
import { announcer, type Announcer } from "./announce.ts";
import { Desk } from "./desk.ts";
import { policyOf } from "../policy.ts";
import { reconcilerOf } from "../reconcile/reconciler.ts";
import { type Candidate, type Placement, placeAll } from "./place.sql.ts";
import { FIRST_DUE_MS } from "../order.ts";

/** The reconciler is armed again when less than this is left of the time it is armed for. */
const WATCH_MARGIN_MS = 10_000;

/** The group commit's Durable Object: it keeps nothing, its memory is the queue of a moment. */
export class OrderDesk extends DurableObject<OrdersEnv> {
  #watchedUntil_ms = 0;
  readonly #announcer: Announcer = announcer(this.env);
  readonly #desk = new Desk({
    placeAll: (candidates) => placeAll(this.env.DB, candidates, policyOf(this.env), Date.now()),
    watch: () => this.#watch(),
    announce: (placed) => this.#announcer.announce(placed),
  });

  place(candidate: Candidate): Promise<Placement> {
    return this.#desk.place(candidate);
  }

  /** Armed before the commit, so that a crash right after it leaves somebody to look. */
  async #watch(): Promise<void> {
    const now_ms = Date.now();
    if (this.#watchedUntil_ms > now_ms + WATCH_MARGIN_MS) return;
    try {
      await reconcilerOf(this.env).watch(now_ms + FIRST_DUE_MS);
      this.#watchedUntil_ms = now_ms + FIRST_DUE_MS;
    } catch (error) {
      // The cron looks every minute and is enough alone.
      log("warn", "reconciler.unreachable", { error: errorText(error) });
    }
  }
}
