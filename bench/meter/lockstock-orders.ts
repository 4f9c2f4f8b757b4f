import * as orders from "../../src/orders/worker.ts";
import { meteredObject } from "./objects.ts";
import { meteredWorker, wrapping } from "./worker.ts";

const wrapEnv = wrapping({
  d1: ["DB"],
  queues: ["ORDER_EVENTS", "STOCK_EVENTS"],
  objects: {
    DESK: "OrderDesk",
    RECONCILER: "Reconciler",
    FEED: "CustomerFeed",
    COURIER: "Courier",
  },
  services: {
    // The stock Worker runs where its caller does, and calls the items of an order at the same time.
    STOCK: "StockItem",
  },
});

export const OrderDesk = meteredObject(orders.OrderDesk, "OrderDesk", wrapEnv);
export const Reconciler = meteredObject(orders.Reconciler, "Reconciler", wrapEnv);
export const CustomerFeed = meteredObject(orders.CustomerFeed, "CustomerFeed", wrapEnv);
export const Courier = meteredObject(orders.Courier, "Courier", wrapEnv);
export default meteredWorker<OrdersEnv>(orders.default, wrapEnv);
