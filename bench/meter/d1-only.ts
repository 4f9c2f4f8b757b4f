import worker from "../baselines/d1-only/worker.ts";
import { meteredWorker, wrapping } from "./worker.ts";

export default meteredWorker(worker, wrapping({ d1: ["DB"] }));
