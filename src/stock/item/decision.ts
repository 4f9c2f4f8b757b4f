import type { Origin } from "../../contract/order-events.ts";
import type { StoredDecision } from "../../contract/stock-api.ts";
import type { Lock } from "./rules.ts";

/** A lock as recovery reads it. */
export const decisionFrom = ({ origin = null, ...lock }: Lock): StoredDecision => ({
  ...lock,
  origin: origin === null ? null : (JSON.parse(origin) as Origin),
});
