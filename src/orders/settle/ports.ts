import { feedsOf } from "../feed/feeds.ts";
import { policyOf } from "../policy.ts";
import { watchDue } from "../reconcile/watch.ts";
import type { SettlePorts } from "./settle.ts";

export function settlePorts(env: OrdersEnv): SettlePorts {
  return {
    db: env.DB,
    feeds: feedsOf(env),
    policy: policyOf(env),
    now: Date.now,
    watch: async (at_ms) => {
      await watchDue(env, at_ms);
    },
  };
}
