import { WorkerEntrypoint } from "cloudflare:workers";
import pMap from "p-map";
import * as v from "valibot";
import {
  MAX_ADJUSTMENTS_PER_CALL,
  MAX_ORDERS_PER_LANE_CALL,
  MAX_SKUS_PER_LEVELS_CALL,
} from "../contract/limits.ts";
import { type OrderEvent, OrderEventSchema } from "../contract/order-events.ts";
import type {
  AdjustResult,
  Erasure,
  ItemDemand,
  LedgerPage,
  LockStates,
  PauseChange,
  ReadLevel,
  Relock,
  SkuChange,
  StockChange,
  StockApi as Api,
  StoredDecision,
} from "../contract/stock-api.ts";
import type { StockEvent } from "../contract/stock-events.ts";
import { traceIdOf } from "../contract/trace.ts";
import { errorText, log, traces } from "../runtime/log.ts";
import { withTimeout } from "../runtime/timeout.ts";
import { type CallItem, coordinate, RUN_TIMEOUT_MS } from "./coordinator.ts";
import { keptOf } from "./item/decision.ts";
import type { ItemCommand } from "./item/rules.ts";
import { indexOf } from "./stock-index.ts";

const CONCURRENCY = 24;
/** Time limit of one change of many: a hanging item must not hold up the answers of the others. */
const ADJUST_TIMEOUT_MS = 5_000;
/** Time limit of one read, so that one hanging item does not hide the levels of the others. */
const LEVEL_TIMEOUT_MS = 2_000;

/** Runs of one call: with 450 SKUs and two rounds each, below 10,000 subrequests (Workers limits). */
const MAX_RUNS = 8;

/** The lane. Reachable only over a service binding. */
export class StockApi extends WorkerEntrypoint<StockEnv> implements Api {
  async execute(events: OrderEvent[], within_ms: number): Promise<StockEvent[]> {
    assertAtMost(MAX_ORDERS_PER_LANE_CALL, events, "orders");
    for (const event of events) v.assert(OrderEventSchema, event);
    const start_ms = Date.now();
    const deadline_ms = start_ms + Math.min(within_ms, RUN_TIMEOUT_MS);
    const outcomes: StockEvent[] = [];
    let open: readonly OrderEvent[] = events;
    for (let runs = 0; runs < MAX_RUNS && open.length > 0 && Date.now() < deadline_ms; runs++) {
      const limits = { now_ms: Date.now(), within_ms: deadline_ms - Date.now() };
      const run = await coordinate(open, itemCaller(this.env), limits);
      outcomes.push(...run.outcomes, ...run.breached);
      for (const [event, delay] of run.undecided) {
        if (delay.type === "postponed") continue;
        const { type, orderId } = event;
        const fields = { type, orderId, traceId: traceIdOf(event), error: delay.error };
        log("warn", "lane.command_undecided", fields);
      }
      open = open.filter((event) => run.undecided.get(event)?.type === "postponed");
    }
    if (open.length > 0) log("warn", "lane.commands_postponed", { commands: open.length });
    const counts = { events: events.length, outcomes: outcomes.length };
    const took = { tookMs: Date.now() - start_ms };
    log("info", "lane.call_decided", { ...counts, ...took, ...traces(events.map(traceIdOf)) });
    return outcomes;
  }

  async adjust(sku: string, change: StockChange): Promise<AdjustResult> {
    return this.env.ITEM.getByName(sku).adjust(sku, change);
  }

  async adjustMany(changes: readonly SkuChange[]): Promise<(AdjustResult | null)[]> {
    assertAtMost(MAX_ADJUSTMENTS_PER_CALL, changes, "changes");
    const change = async (one: SkuChange): Promise<AdjustResult | null> => {
      try {
        return await withTimeout(ADJUST_TIMEOUT_MS, () => this.adjust(one.sku, one.change));
      } catch (error) {
        log("warn", "item.adjust_failed", { sku: one.sku, error: errorText(error) });
        return null;
      }
    };
    return pMap(changes, change, { concurrency: CONCURRENCY });
  }

  async levels(skus: string[]): Promise<ReadLevel[]> {
    assertAtMost(MAX_SKUS_PER_LEVELS_CALL, skus, "SKUs");
    const read = async (sku: string): Promise<ReadLevel[]> => {
      try {
        return [await withTimeout(LEVEL_TIMEOUT_MS, () => this.env.ITEM.getByName(sku).level(sku))];
      } catch (error) {
        log("warn", "level.read_failed", { sku, error: errorText(error) });
        return [];
      }
    };
    return (await pMap(skus, read, { concurrency: CONCURRENCY })).flat();
  }

  async setPaused(sku: string, change: PauseChange): Promise<ReadLevel> {
    return this.env.ITEM.getByName(sku).setPaused(sku, change);
  }

  async lockStates(sku: string, orderIds: string[]): Promise<LockStates> {
    assertAtMost(MAX_ORDERS_PER_LANE_CALL, orderIds, "orders");
    return this.env.ITEM.getByName(sku).lockStates(orderIds);
  }

  async eraseCustomer(sku: string, erasure: Erasure): Promise<string | null> {
    assertAtMost(MAX_ORDERS_PER_LANE_CALL, erasure.orderIds, "orders");
    return this.env.ITEM.getByName(sku).eraseCustomer(erasure);
  }

  async liveLocks(sku: string, after: string): ReturnType<Api["liveLocks"]> {
    return this.env.ITEM.getByName(sku).liveLocks(after);
  }

  async skus(after: string): ReturnType<Api["skus"]> {
    return indexOf(this.env).page(after);
  }

  async decisions(sku: string, after: string): ReturnType<Api["decisions"]> {
    return this.env.ITEM.getByName(sku).decisions(after);
  }

  async erasures(sku: string, after: string): ReturnType<Api["erasures"]> {
    return this.env.ITEM.getByName(sku).erasures(after);
  }

  async decisionsFor(sku: string, orderIds: string[]): Promise<StoredDecision[]> {
    assertAtMost(MAX_ORDERS_PER_LANE_CALL, orderIds, "orders");
    return this.env.ITEM.getByName(sku).decisionsFor(orderIds);
  }

  async relock(sku: string, locks: Relock[]): Promise<string[]> {
    assertAtMost(MAX_ORDERS_PER_LANE_CALL, locks, "locks");
    const commands = locks.flatMap(({ state, origin, ...lock }): ItemCommand[] => [
      { type: "relock", ...lock, ...keptOf(origin, sku) },
      ...(state === "sold" ? [{ type: "commit", orderId: lock.orderId } as const] : []),
    ]);
    const { answers } = await this.env.ITEM.getByName(sku).apply(sku, commands);
    return commands.flatMap(({ type, orderId }, i) =>
      type === "relock" && answers[i]?.type === "locked" ? [orderId] : [],
    );
  }

  async ledger(sku: string, page: { before: number | null; limit: number }): Promise<LedgerPage> {
    const limit = Math.min(100, Math.max(1, page.limit));
    return this.env.ITEM.getByName(sku).ledger({ ...page, limit });
  }

  async demand(sku: string): Promise<ItemDemand> {
    return this.env.ITEM.getByName(sku).demand();
  }
}

function assertAtMost(limit: number, list: readonly unknown[], what: string): void {
  if (list.length > limit) throw new RangeError(`at most ${limit} ${what} a call`);
}

/** Gets a stub for each call: one that failed stays broken (Durable Objects error handling). */
export const itemCaller =
  (env: StockEnv): CallItem =>
  (sku, commands, traceIds) =>
    env.ITEM.getByName(sku).apply(sku, commands, traceIds);
