import orders from "../../../src/orders/worker.ts";

export { CustomerFeed, OrderDesk, Reconciler, Courier } from "../../../src/orders/worker.ts";
export { StockApi, StockIndex, StockItem } from "../../../src/stock/worker.ts";

/** The orders Worker as it is, and in the same isolate what its binding STOCK calls. */
export default orders;
