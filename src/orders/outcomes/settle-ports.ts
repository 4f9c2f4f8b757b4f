import { policyOf } from "../config/policy.ts";
import { feedNotifier } from "../order/feed-notifier.ts";
import { scheduleReconcile } from "../order/schedule-reconcile.ts";
import type { SettlePorts } from "./settle.ts";

export function settlePorts(env: OrdersEnv): SettlePorts {
  return {
    db: env.DB,
    feeds: feedNotifier(env),
    policy: policyOf(env),
    now: Date.now,
    watch: (at_ms) => scheduleReconcile(env, at_ms),
  };
}
