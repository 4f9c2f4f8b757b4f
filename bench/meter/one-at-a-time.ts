import worker, { Item as Original } from "../baselines/one-at-a-time/worker.ts";
import { meteredObject } from "./objects.ts";
import { meteredWorker, wrapping } from "./worker.ts";

const wrapEnv = wrapping({
  d1: ["DB"],
  queues: ["ORDERS", "REPLIES"],
  objects: { ITEM: "Item" },
});

export const Item = meteredObject(Original, "Item", wrapEnv);
export default meteredWorker(worker as unknown as ExportedHandler<object>, wrapEnv);
