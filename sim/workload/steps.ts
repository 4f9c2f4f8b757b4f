import type { HeaderLine } from "../platform/http.ts";
import type { Impostor } from "./tokens.ts";

/** What a run is made of, as data. */

export interface CartLine {
  sku: string;
  quantity: number;
}

export interface ItemPlan {
  sku: string;
  stock: number;
  limitPerCustomer: number | null;
  /** Its own; 0: for ever, null: none. */
  paymentWindow_s: number | null;
  saleStartsAt_ms: number | null;
  saleEndsAt_ms: number | null;
}

export type TillStep = { at_ms: number } &
  /** `off`: more or less than is due. `isLate`: after the order's time to pay. */
  (
    | { do: "notice"; which: number; off: number; copies: number; isLate: boolean }
    /** With another amount, or the same once more. */
    | { do: "notice again"; which: number; isAltered: boolean }
    | { do: "refunded"; which: number }
    | { do: "extend"; which: number; seconds: number }
    /** `share` of the units of one line. */
    | { do: "return"; which: number; share: number; restock: boolean; copies: number }
  );

export type Step = TillStep | BuyerOrOperatorStep;

type BuyerOrOperatorStep = { at_ms: number } & (
  | {
      do: "place";
      lines: CartLine[];
      key: string | null;
      wait: number;
      /** A service sends it, with `customerId`. */
      byService?: true;
      /** Requests sent at the same time. */
      clicks: number;
      /** Sent as well, with the same key. */
      otherLines: CartLine[] | null;
      /** What happens to the page's socket so many milliseconds after. */
      socket: { does: "drop" | "reload"; after_ms: number } | null;
    }
  | { do: "get" | "spy"; which: number; wait: number; hangsUpAfter_ms?: number }
  /** `isLate`: at the moment when the order's time to pay is over. */
  | { do: "cancel" | "pay"; which: number; isLate: boolean }
  /** Calls one after the other, with the keys as header lines. */
  | { do: "bad keys"; tries: { lines: CartLine[]; keys: HeaderLine[] }[] }
  /** An order for what nobody sells, given up before it is answered. */
  | { do: "hang up"; after_ms: number }
  | { do: "read changes"; wait: number }
  | { do: "list" }
  | { do: "guest" }
  | { do: "connect" | "close" | "drop" | "ping" }
  | { do: "adjust"; sku: string; delta: number; clicks: number }
  /** `off`: so many units more or less than the item has. `pause_ms`: of the counting. */
  | { do: "count"; sku: string; off: number; pause_ms: number; clicks: number }
  | {
      do: "put";
      sku: string;
      price: number;
      limitPerCustomer: number | null;
      paymentWindow_s: number | null;
    }
  | { do: "pause" | "resume"; sku: string; clicks: number }
  | { do: "replay" }
  | { do: "compare"; repair: boolean }
  | { do: "operations" }
  /** Calls with a token that is not good. */
  | { do: "pretend"; as: Impostor; which: number }
);

export interface ClientPlan {
  name: string;
  /** How much the client's clock is wrong. */
  skew_ms: number;
  steps: Step[];
}

export interface Plan {
  vars: Record<string, string>;
  /** The code has the small limits of kernel/limits.ts. */
  hasSmallLimits: boolean;
  /** At the end days go by, and what is old enough is pruned. */
  isOutlived: boolean;
  /** At the end the database is put back to a moment in the midst of the run. */
  isPutBack: boolean;
  /** At the end the storage of an item is put back, or is gone. */
  isItemLost: boolean;
  items: ItemPlan[];
  clients: ClientPlan[];
  operator: Step[];
  impostor: Step[];
  reader: Step[];
  /** The stock Worker is away for longer than the gate trusts a level. */
  blackout: { from_ms: number; to_ms: number } | null;
  /** From then on the stock Worker answers no call over the lane. */
  hang: { from_ms: number } | null;
  /** The faults and the workload end here. */
  heal_ms: number;
}
