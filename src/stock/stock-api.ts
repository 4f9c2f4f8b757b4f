import { WorkerEntrypoint } from "cloudflare:workers";
import pMap from "p-map";
import { MAX_ORDERS_PER_LANE_CALL, MAX_SKUS_PER_LEVELS_CALL } from "../contract/limits.ts";
import { errorText, log } from "../contract/log.ts";
import type { OrderEvent } from "../contract/order-events.ts";
import type {
  Adjustment,
  AdjustResult,
  LedgerPage,
  StockApi as Api,
} from "../contract/stock-api.ts";
import type { StockEvent, VersionedLevel } from "../contract/stock-events.ts";
import { type CallItem, coordinate } from "./coordinator.ts";

const CONCURRENCY = 24;

/** The lane, reached over a service binding only. */
export class StockApi extends WorkerEntrypoint<StockEnv> implements Api {
  async execute(events: OrderEvent[]): Promise<StockEvent[]> {
    if (events.length > MAX_ORDERS_PER_LANE_CALL) {
      throw new RangeError(`at most ${MAX_ORDERS_PER_LANE_CALL} orders a call`);
    }
    const { outcomes, undecided } = await coordinate(events, itemCaller(this.env), Date.now());
    for (const [{ type, orderId }, error] of undecided) {
      log("warn", "lane.undecided", { type, orderId, error });
    }
    return outcomes;
  }

  async adjust(sku: string, adjustment: Adjustment): Promise<AdjustResult> {
    return this.env.ITEM.getByName(sku).adjust(sku, adjustment);
  }

  async levels(skus: string[]): Promise<VersionedLevel[]> {
    if (skus.length > MAX_SKUS_PER_LEVELS_CALL) {
      throw new RangeError(`at most ${MAX_SKUS_PER_LEVELS_CALL} SKUs a call`);
    }
    const read = async (sku: string): Promise<VersionedLevel[]> => {
      try {
        return [await this.env.ITEM.getByName(sku).level(sku)];
      } catch (error) {
        log("warn", "level.unread", { sku, error: errorText(error) });
        return [];
      }
    };
    return (await pMap(skus, read, { concurrency: CONCURRENCY })).flat();
  }

  async ledger(sku: string, page: { before: number | null; limit: number }): Promise<LedgerPage> {
    const limit = Math.min(100, Math.max(1, page.limit));
    return this.env.ITEM.getByName(sku).ledger({ ...page, limit });
  }
}

/** A fresh stub each call: one that has failed stays broken (Durable Objects error handling). */
export const itemCaller =
  (env: StockEnv): CallItem =>
  (sku, commands) =>
    env.ITEM.getByName(sku).apply(sku, commands);
