import * as stock from "../../src/stock/worker.ts";
import { meteredObject } from "./objects.ts";
import { meteredWorker, wrapping } from "./worker.ts";

const wrapEnv = wrapping({ queues: ["STOCK_EVENTS", "ORDER_EVENTS", "ORDER_EVENTS_DLQ"] });

export const StockItem = meteredObject(stock.StockItem, "StockItem", wrapEnv);
export const StockIndex = meteredObject(stock.StockIndex, "StockIndex", wrapEnv);
export { StockApi } from "../../src/stock/worker.ts";
export default meteredWorker<StockEnv>(stock.default, wrapEnv);
