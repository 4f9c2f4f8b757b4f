import type { Shortage, VersionedLevel } from "../../contract/stock-events.ts";

/** The rules of a stock item: state, command and clock in, new state and answer out. No I/O. */

/** In units, all at least 0: `received = available + held + sold`. */
export interface Counters {
  received: number;
  available: number;
  held: number;
  sold: number;
}

export type LockState = "held" | "sold" | "refused" | "released";

/** The item's decision for an order. The item records its first decision and repeats it. */
export interface Lock {
  orderId: string;
  /** Null on a tombstone, which records a release that arrived before its lock. */
  customerId: string | null;
  quantity: number;
  state: LockState;
  shortage: Omit<Shortage, "sku"> | null;
}

export type ItemCommand =
  | {
      type: "lock";
      orderId: string;
      customerId: string;
      quantity: number;
      /** Units that the customer may have held and sold here together; null: no limit. */
      limit: number | null;
    }
  | { type: "release"; orderId: string }
  | { type: "commit"; orderId: string };

export type ItemAnswer =
  | { type: "locked" | "committed" }
  /** `shortage`: why the order had been refused here; null: it had not been. */
  | { type: "released"; shortage: Omit<Shortage, "sku"> | null }
  /** `shortage` is null when the order was released here before its lock arrived. */
  | { type: "refused"; shortage: Omit<Shortage, "sku"> | null }
  /** The command contradicts the recorded decision. It changes nothing and is never acknowledged. */
  | { type: "breach"; detail: string };

/** The item's reply to one call. */
export interface ItemReply {
  /** One answer for each command, in the same order. */
  answers: ItemAnswer[];
  /** The new level. Absent when nothing changed, or when the item reported a level within the last second. */
  level?: VersionedLevel;
}

export interface ItemView {
  counters: Counters;
  /** The recorded decision for the command's order, if any. */
  lock: Lock | undefined;
  /** The order is older than the watermark: a missing row does not mean that nothing was decided. */
  isForgotten: boolean;
  /** Units of this customer held and sold here. Read only for a command with a limit. */
  customerUnits: number;
}

export interface Decision {
  answer: ItemAnswer;
  /** What to write. Absent when nothing changes. */
  change?: Change;
}

export interface Change {
  counters: Counters;
  lock: Lock;
  /** The ledger entry. Null for a refusal and a tombstone, which move no units. */
  movement: "lock" | "release" | "commit" | null;
}

export function decide(view: ItemView, command: ItemCommand): Decision {
  switch (command.type) {
    case "lock":
      return view.lock ? { answer: repeatLock(view.lock) } : lock(view, command);
    case "release":
      return release(view, command.orderId);
    case "commit":
      return commit(view, command.orderId);
  }
}

function repeatLock({ state, shortage }: Lock): ItemAnswer {
  return state === "held" || state === "sold"
    ? { type: "locked" }
    : { type: "refused", shortage: state === "refused" ? shortage : null };
}

function lock(view: ItemView, command: ItemCommand & { type: "lock" }): Decision {
  const { counters, customerUnits } = view;
  const { orderId, customerId, quantity, limit } = command;
  const figures = { requested: quantity, available: counters.available };
  if (view.isForgotten) {
    return { answer: { type: "refused", shortage: { ...figures, reason: "expired" } } };
  }
  if (!isBalanced(counters)) return breach(`counters do not add up: ${JSON.stringify(counters)}`);
  const record = (state: LockState, shortage: Lock["shortage"]): Lock => {
    return { orderId, customerId, quantity, state, shortage };
  };
  const refuse = (reason: Shortage["reason"]): Decision => {
    const shortage = { ...figures, reason };
    const change = { counters, lock: record("refused", shortage), movement: null };
    return { answer: { type: "refused", shortage }, change };
  };
  if (limit !== null && customerUnits + quantity > limit) return refuse("limit_exceeded");
  if (counters.available < quantity) return refuse("out_of_stock");
  return {
    answer: { type: "locked" },
    change: {
      counters: move(counters, "available", "held", quantity),
      lock: record("held", null),
      movement: "lock",
    },
  };
}

function release({ counters, lock, isForgotten }: ItemView, orderId: string): Decision {
  const answer = { type: "released", shortage: lock?.shortage ?? null } as const;
  if (!lock) {
    if (isForgotten) return { answer };
    // A tombstone, because a lock that arrives after this release must take nothing.
    const row: Lock = { orderId, customerId: null, quantity: 0, state: "released", shortage: null };
    return { answer, change: { counters, lock: row, movement: null } };
  }
  if (lock.state === "sold") return breach("release of a sold lock");
  if (lock.state !== "held") return { answer };
  return {
    answer,
    change: {
      counters: move(counters, "held", "available", lock.quantity),
      lock: { ...lock, state: "released" },
      movement: "release",
    },
  };
}

function commit({ counters, lock }: ItemView, orderId: string): Decision {
  if (lock?.state === "sold") return { answer: { type: "committed" } };
  if (lock?.state !== "held") {
    return breach(`commit of ${orderId}, which is ${lock?.state ?? "unknown"} here`);
  }
  return {
    answer: { type: "committed" },
    change: {
      counters: move(counters, "held", "sold", lock.quantity),
      lock: { ...lock, state: "sold" },
      movement: "commit",
    },
  };
}

/** Adds `delta` to what was received. Undefined if fewer than 0 units would be available. */
export function adjust(counters: Counters, delta: number): Counters | undefined {
  const available = counters.available + delta;
  if (available < 0) return undefined;
  return { ...counters, available, received: counters.received + delta };
}

export function isBalanced({ received, available, held, sold }: Counters): boolean {
  return (
    received === available + held + sold && [received, available, held, sold].every((n) => n >= 0)
  );
}

function move(
  counters: Counters,
  from: keyof Counters,
  to: keyof Counters,
  quantity: number,
): Counters {
  return { ...counters, [from]: counters[from] - quantity, [to]: counters[to] + quantity };
}

const breach = (detail: string): Decision => ({ answer: { type: "breach", detail } });
