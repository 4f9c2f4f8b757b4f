import { MAX_DEMAND_LOCKS } from "../../contract/limits.ts";
import { orderIdFloor } from "../../contract/order-id.ts";
import type { ItemDemand } from "../../contract/stock-api.ts";

const MINUTE_MS = 60_000;
const MINUTES = 60;

/**
 * How long what was read is handed out, however many ask: reading holds up the orders of the item. Of
 * 25,000 locks, with the limit met twice, it took 40 ms (workerd on two cores, median of eight).
 */
const FRESH_MS = 2_000;

type MinuteRow = {
  /** Minutes before this one. */
  ago: number;
  locked: number;
  locked_units: number;
  refused: number;
  refused_units: number;
  seen: number;
};

/** What was asked of the item and what it came to, by its table `locks`. Writes nothing. */
export class Demand {
  readonly #sql: SqlStorage;
  #last: { at_ms: number; demand: ItemDemand } | null = null;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** `sold`: the item's counter, of which the revenue may know only a part. */
  read(sold: number, now_ms: number): ItemDemand {
    const last = this.#last;
    if (last && Math.abs(now_ms - last.at_ms) < FRESH_MS) return last.demand;
    const revenue = this.#revenue();
    const priced = revenue.reduce((sum, { units }) => sum + units, 0);
    const demand = { ...this.#minutes(now_ms), revenue, unitsWithoutPrice: sold - priced };
    this.#last = { at_ms: now_ms, demand };
    return demand;
  }

  /** By the times of order ids, the newest minute first, so that the limit leaves out the earliest. */
  #minutes(now_ms: number): Pick<ItemDemand, "minutes" | "isPart"> {
    const newest = Math.floor(now_ms / MINUTE_MS);
    const spans = Array.from({ length: MINUTES }, (_, ago) => {
      return { from: floorOf(newest - ago), to: floorOf(newest - ago + 1) };
    });
    const rows = this.#sql
      .exec<MinuteRow>(
        `SELECT ago, count(*) AS seen,
           count(*) FILTER (WHERE state <> 'refused' AND quantity > 0) AS locked,
           coalesce(sum(quantity) FILTER (WHERE state <> 'refused'), 0) AS locked_units,
           count(*) FILTER (WHERE state = 'refused') AS refused,
           coalesce(sum(quantity) FILTER (WHERE state = 'refused'), 0) AS refused_units
         FROM (SELECT span.key AS ago, state, quantity
           FROM json_each(?) AS span CROSS JOIN locks
             ON order_id >= span.value->>'from' AND order_id < span.value->>'to'
           LIMIT ${MAX_DEMAND_LOCKS + 1})
         GROUP BY ago ORDER BY ago DESC`,
        JSON.stringify(spans),
      )
      .toArray();
    const seen = rows.reduce((sum, row) => sum + row.seen, 0);
    const minutes = rows.map((row) => ({
      minute: newest - row.ago,
      locked: { orders: row.locked, units: row.locked_units },
      refused: { orders: row.refused, units: row.refused_units },
    }));
    return { minutes, isPart: seen > MAX_DEMAND_LOCKS };
  }

  #revenue(): ItemDemand["revenue"] {
    return this.#sql
      .exec<ItemDemand["revenue"][number]>(
        `SELECT currency, sum((quantity - returned) * price) AS amount,
           sum(quantity - returned) AS units
         FROM (SELECT state, quantity, returned, price, currency FROM locks
           ORDER BY order_id DESC LIMIT ${MAX_DEMAND_LOCKS})
         WHERE state = 'sold' AND quantity > returned AND price IS NOT NULL
         GROUP BY currency ORDER BY currency`,
      )
      .toArray();
  }
}

const floorOf = (minute: number): string => orderIdFloor(minute * MINUTE_MS);
