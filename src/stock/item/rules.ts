import type { Actor } from "../../contract/actor.ts";
import type { SentShortage, VersionedLevel } from "../../contract/stock-events.ts";

/** The rules of a stock item: state, command and clock in, new state and answer out. No I/O. */

/** In units, all at least 0: `received = available + held + sold`. */
export interface Counters {
  received: number;
  available: number;
  held: number;
  sold: number;
}

/** As it is stored: a version from before the pause reads the rows of this one. */
type ItemShortage = Omit<SentShortage, "sku">;

/** The price of a unit, in minor units. */
export interface UnitPrice {
  amount: number;
  currency: string;
}

export type LockState = "held" | "sold" | "refused" | "released";

/** The item's decision for an order. The item records its first decision and repeats it. */
export interface Lock {
  orderId: string;
  /** Null on a tombstone of an earlier version: a release that arrived before its lock. */
  customerId: string | null;
  quantity: number;
  state: LockState;
  shortage: ItemShortage | null;
  /** Of the sold units, those that came back. */
  returned: number;
  /** What the order can be rebuilt from, as JSON; null: it is not known. Absent: it was not read. */
  origin?: string | null;
  /** At which the units were ordered. Absent: it is not known, or was not read. */
  price?: UnitPrice;
}

export interface ReturnCommand {
  type: "return";
  orderId: string;
  returnId: string;
  /** Of what the shop asked for: a repeat has it too. Absent: an earlier version sent the return. */
  requestHash?: string;
  customerId: string;
  quantity: number;
  /** False: the units are written off. */
  restock: boolean;
  reason: string;
  actor: Actor;
}

export type ItemCommand =
  | {
      type: "lock";
      orderId: string;
      customerId: string;
      quantity: number;
      /** Units that the customer may have held and sold here together; null: no limit. */
      limit: number | null;
      /** JSON of the order's `Origin`. Absent: an earlier version sent the order. */
      origin?: string;
      price?: UnitPrice;
    }
  /** An operator's repair of a lock that the item has lost: no pause and no limit counts. */
  | {
      type: "relock";
      orderId: string;
      customerId: string;
      quantity: number;
      origin?: string;
      price?: UnitPrice;
    }
  /** With whose order it was, in case its lock has not arrived. */
  | { type: "release"; orderId: string; customerId?: string; origin?: string }
  | { type: "commit"; orderId: string }
  | ReturnCommand;

export type ItemAnswer =
  | { type: "locked" | "committed" | "returned" }
  /** The commit of the order has not arrived yet. Changes nothing; the caller repeats the return. */
  | { type: "too_early"; detail: string }
  /** `shortage`: why the order had been refused here; null: it had not been. */
  | { type: "released"; shortage: ItemShortage | null }
  /** `shortage` is null when the order was released here before its lock arrived. */
  | { type: "refused"; shortage: ItemShortage | null }
  /** The command contradicts the recorded decision. It changes nothing and is never acknowledged. */
  | { type: "breach"; detail: string };

/** The item's reply to one call. */
export interface ItemReply {
  /** One answer for each command, in the same order. */
  answers: ItemAnswer[];
  /** The new level. Absent if nothing changed, or if the item reported within the last second. */
  level?: VersionedLevel;
}

export interface ItemView {
  counters: Counters;
  /** New locks are refused. */
  isPaused: boolean;
  /** The recorded decision for the command's order, if any. */
  lock: Lock | undefined;
  /** The order is older than the watermark: a missing row does not mean that nothing was decided. */
  isForgotten: boolean;
  /** Units of this customer held and sold here. Read only for a command with a limit. */
  customerUnits: number;
  /** Of a return: it was applied; or it may have been, but is older than the watermark. */
  returnState: "new" | "applied" | "forgotten";
}

export interface Decision {
  answer: ItemAnswer;
  /** What to write. Absent when nothing changes. */
  change?: Change;
}

export interface Change {
  counters: Counters;
  /** Undefined: a return of an order whose lock is forgotten. */
  lock: Lock | undefined;
  /** The ledger entry. Null for a refusal and a tombstone, which move no units, and for a return. */
  movement: "lock" | "release" | "commit" | null;
}

export function decide(view: ItemView, command: ItemCommand): Decision {
  switch (command.type) {
    case "lock":
      return view.lock ? { answer: repeatLock(view.lock) } : lock(view, command);
    case "relock":
      return view.lock ? { answer: repeatRelock(view.lock, command) } : relock(view, command);
    case "release":
      return release(view, command);
    case "commit":
      return commit(view, command.orderId);
    case "return":
      return takeBack(view, command);
  }
}

function repeatLock({ state, shortage }: Lock): ItemAnswer {
  return state === "held" || state === "sold"
    ? { type: "locked" }
    : { type: "refused", shortage: state === "refused" ? shortage : null };
}

/** Units that came back are not taken again: the lock is there, and nothing of it was lost. */
const repeatRelock = (lock: Lock, { quantity }: ItemCommand & { type: "relock" }): ItemAnswer =>
  lock.quantity - lock.returned < quantity ? { type: "refused", shortage: null } : repeatLock(lock);

function lock(view: ItemView, command: ItemCommand & { type: "lock" }): Decision {
  const { counters, customerUnits, isPaused } = view;
  const { orderId, customerId, quantity, limit, origin, price } = command;
  const figures = { requested: quantity, available: counters.available };
  if (view.isForgotten) {
    return { answer: { type: "refused", shortage: { ...figures, reason: "expired" } } };
  }
  if (!isBalanced(counters)) return breach(`counters do not add up: ${JSON.stringify(counters)}`);
  const record = (state: LockState, shortage: Lock["shortage"]): Lock => {
    const kept = { ...(origin !== undefined && { origin }), ...(price && { price }) };
    return { orderId, customerId, quantity, state, shortage, returned: 0, ...kept };
  };
  const refuse = (reason: ItemShortage["reason"], more?: { paused: true }): Decision => {
    const shortage: ItemShortage = { ...figures, reason, ...more };
    const change = { counters, lock: record("refused", shortage), movement: null };
    return { answer: { type: "refused", shortage }, change };
  };
  if (isPaused) return refuse("out_of_stock", { paused: true });
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

/** Takes units for an order that is confirmed or paid. A refusal is no decision, and is not recorded. */
function relock({ counters }: ItemView, command: ItemCommand & { type: "relock" }): Decision {
  const { orderId, customerId, quantity, origin = null, price } = command;
  const { available } = counters;
  if (!isBalanced(counters)) return breach(`counters do not add up: ${JSON.stringify(counters)}`);
  if (available < quantity) {
    const shortage = { requested: quantity, available, reason: "out_of_stock" } as const;
    return { answer: { type: "refused", shortage } };
  }
  const facts = { orderId, customerId, quantity, origin, ...(price && { price }) };
  return {
    answer: { type: "locked" },
    change: {
      counters: move(counters, "available", "held", quantity),
      lock: { ...facts, state: "held", shortage: null, returned: 0 },
      movement: "lock",
    },
  };
}

function release(
  { counters, lock, isForgotten }: ItemView,
  { orderId, customerId, origin }: ItemCommand & { type: "release" },
): Decision {
  const answer = { type: "released", shortage: lock?.shortage ?? null } as const;
  if (!lock) {
    if (isForgotten) return { answer };
    // A tombstone, because a lock that arrives after this release must take nothing.
    const row: Lock = {
      orderId,
      customerId: customerId ?? null,
      quantity: 0,
      state: "released",
      shortage: null,
      returned: 0,
      ...(origin !== undefined && { origin }),
    };
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

/**
 * Takes sold units back, once for each return id and for each request. It needs no lock: goods may come back long after
 * the item has forgotten the order. The orders Worker has judged that they were sold.
 */
function takeBack(view: ItemView, command: ReturnCommand): Decision {
  const { counters, lock, returnState, isForgotten } = view;
  const { returnId, quantity, restock } = command;
  if (returnState === "applied") return { answer: { type: "returned" } };
  // It may have been applied and pruned: applying it again would take back units of others.
  if (returnState === "forgotten")
    return breach(`return ${returnId} is older than the item's record`);
  if (!lock && !isForgotten) return breach("return of an order that is unknown here");
  if (lock?.state === "held") {
    return { answer: { type: "too_early", detail: "the commit has not arrived" } };
  }
  if (lock && lock.state !== "sold") return breach(`return of a ${lock.state} lock`);
  const sold = lock ? lock.quantity - lock.returned : counters.sold;
  if (Math.min(sold, counters.sold) < quantity) {
    return breach(`return of ${quantity} units, of which ${sold} are sold`);
  }
  return {
    answer: { type: "returned" },
    change: {
      counters: restock
        ? move(counters, "sold", "available", quantity)
        : { ...counters, sold: counters.sold - quantity, received: counters.received - quantity },
      lock: lock && { ...lock, returned: lock.returned + quantity },
      movement: null,
    },
  };
}

/** Adds `delta` to what was received. Undefined if fewer than 0 units would be available. */
export function adjust(counters: Counters, delta: number): Counters | undefined {
  const available = counters.available + delta;
  if (available < 0) return undefined;
  return { ...counters, available, received: counters.received + delta };
}

/** The outcome of a count, or the change that it makes. */
export type Counted =
  | { type: "stock_changed" | "below_held" }
  | { type: "counted"; counters: Counters; delta: number };

/** Sets `available + held` to what was counted, if nobody has changed it since. */
export function count(
  counters: Counters,
  { unsold, expected }: { unsold: number; expected: number },
): Counted {
  const { available, held } = counters;
  if (available + held !== expected) return { type: "stock_changed" };
  // The units of orders that hold some are not there: somebody has to decide which order goes.
  if (unsold < held) return { type: "below_held" };
  const delta = unsold - expected;
  const { received } = counters;
  const counted = { ...counters, received: received + delta, available: available + delta };
  return { type: "counted", counters: counted, delta };
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
