import type { Actor } from "../../contract/actor.ts";
import { errorText, log } from "../../runtime/log.ts";
import { withTimeout } from "../../runtime/timeout.ts";

/** Why the service is frozen, as the reconciler keeps it. */
export interface Frozen {
  at_ms: number;
  /** `database_put_back`: D1 was found in an earlier state than the reconciler had seen. */
  reason: "database_put_back" | "operator";
  actor: Actor | null;
  /** About when the state is from that D1 was put back to; null: it was not put back. */
  restoredTo_ms: number | null;
  /** The run of recovery that has begun, and whether it has reached its end. */
  run: string | null;
  isRecovered: boolean;
}

/** What the reconciler knows of itself and of the stock Worker. */
export interface ReconcilerHealth {
  /** Null: the service is not frozen. Absent: an earlier version. */
  frozen?: Frozen | null;
  /** When the cron last ran; null: not since the reconciler exists. */
  cronAt_ms: number | null;
  /** When somebody first asked. */
  startedAt_ms: number;
  /** Since when the stock Worker has not answered; null: it does. */
  stockAwaySince_ms: number | null;
}

/** The one reconciler object. */
export const reconcilerOf = (env: OrdersEnv) => env.RECONCILER.getByName("reconciler");

/** The longest that a commit waits for the reconciler. The cron alone is enough. */
const WATCH_TIMEOUT_MS = 1_000;

export interface Scheduled {
  /** Whether the reconciler answered. */
  isHeard: boolean;
  /** The beat that the database has at least, for a fence; 0: it is not known. */
  beat: number;
}

/** Asks the reconciler for a pass at `at_ms`. Never throws. */
export async function scheduleReconcile(env: OrdersEnv, at_ms: number): Promise<Scheduled> {
  try {
    const call = async () => await reconcilerOf(env).watch(at_ms);
    // One of an earlier version answers nothing.
    const known: { beat: number } | undefined = await withTimeout(
      WATCH_TIMEOUT_MS,
      call,
      "the reconciler",
    );
    return { isHeard: true, beat: known?.beat ?? 0 };
  } catch (error) {
    log("warn", "reconciler.schedule_failed", { error: errorText(error) });
    return { isHeard: false, beat: 0 };
  }
}
