import { heard } from "../lib/heard.ts";
import { QUEUE } from "../lib/systems.ts";
import { NO_METRICS, type Scenario, scaled } from "./scenario.ts";

/** 500 customers listen while 1,000 orders are placed: from sending the order to hearing its outcome. */
export const feed: Scenario = {
  name: "feed",
  about: "500 sockets, 1,000 orders: from sending the order to the push of its outcome",
  systems: [QUEUE.name],
  compares: [],
  async measure(_system, options) {
    const audience = { orders: scaled(1_000, options), sockets: scaled(500, options) };
    return { ...NO_METRICS, ...(await heard(QUEUE, audience, options)).metrics };
  },
};
