import type { ObjectStore, StoreWatcher } from "../platform/storage.ts";
import { ItemModel } from "./item.ts";
import type { OrdersModel } from "./orders.ts";
import type { Report } from "./report.ts";
import { type Counters, type Lock, type Observed, watchItem } from "./watch-item.ts";

/**
 * The reference model of the stock items: fed by every row they write, in order, it decides again
 * what was decided and holds the object's counters, ledger and locks against its own.
 */

const NEXT: Record<string, readonly string[]> = {
  none: ["held", "refused", "released"],
  held: ["sold", "released"],
};

export class ItemsModel implements StoreWatcher {
  readonly items = new Map<string, ItemModel>();
  orders!: OrdersModel;
  readonly #report: Report;
  readonly #now: () => number;
  readonly #pending = new Map<ObjectStore, Observed[]>();
  commits = 0;
  /** The storage of an item was put back, and the model knows what it has forgotten. */
  isOver = false;

  constructor(report: Report, now: () => number) {
    this.#report = report;
    this.#now = now;
  }

  item(sku: string): ItemModel {
    let item = this.items.get(sku);
    if (!item) this.items.set(sku, (item = new ItemModel(sku)));
    return item;
  }

  lock(sku: string, orderId: string): Lock | undefined {
    return this.items.get(sku)?.locks.get(orderId);
  }

  /** What the items have recorded against an order: a pause counts first, then a shortage of units. */
  whyRefused(orderId: string, lines: readonly { sku: string }[]): string | undefined {
    const reasons = lines.map(({ sku }) => {
      const shortage = this.lock(sku, orderId)?.shortage;
      return shortage?.paused ? "paused" : shortage?.reason;
    });
    return ["paused", "out_of_stock", "limit_exceeded"].find((reason) => reasons.includes(reason));
  }

  onOpen(store: ObjectStore): void {
    const pending: Observed[] = [];
    this.#pending.set(store, pending);
    if (store.name.startsWith("StockItem ")) watchItem(store.engine.db, pending);
  }

  mark(store: ObjectStore): number {
    return this.#pending.get(store)?.length ?? 0;
  }

  onRollback(store: ObjectStore, mark: number): void {
    this.#pending.get(store)?.splice(mark);
  }

  onCommit(store: ObjectStore): void {
    const observed = this.#pending.get(store)?.splice(0) ?? [];
    if (observed.length === 0 || this.isOver) return;
    this.commits++;
    const item = this.item(store.name.slice("StockItem ".length));
    for (const fact of inTurn(observed)) {
      if (fact.what === "lock") this.#lock(item, fact.orderId, fact.lock);
      else if (fact.what === "movement") this.#move(item, fact);
      else this.#save(item, fact);
    }
    this.#isMoved(item);
  }

  #isMoved({ sku, expected }: ItemModel): void {
    this.#report.check(expected === null, 1, () => `${sku} wrote a lock without its movement`);
  }

  #lock(item: ItemModel, orderId: string, lock: Lock): void {
    const { sku, counters } = item;
    const report = this.#report;
    const before = item.locks.get(orderId);
    const order = this.orders.orders.get(orderId);
    const line = order?.lines.find((each) => each.sku === sku);
    const name = `${orderId} at ${sku}`;
    if (!order || !line)
      return report.violated(6, `${name} is locked, but no such order was committed`);
    const from = before?.state ?? "none";
    this.#isMoved(item);
    if (before && lock.returned !== before.returned) {
      item.locks.set(orderId, lock);
      const quantity = lock.returned - before.returned;
      item.expected = { kind: "return", orderId, quantity };
      const isRight = from === "sold" && lock.state === "sold" && lock.returned <= lock.quantity;
      const say = () => `${name} returned ${lock.returned} of ${lock.quantity}, ${from}`;
      return report.check(isRight && quantity > 0, 15, say);
    }
    report.check(
      NEXT[from]?.includes(lock.state) === true,
      6,
      () => `${name} went from ${from} to ${lock.state}`,
    );
    if (before && before.quantity !== lock.quantity)
      report.violated(6, `${name} changed its quantity`);
    item.locks.set(orderId, lock);
    switch (lock.state) {
      case "held": {
        item.expected = { kind: "lock", orderId, quantity: line.quantity };
        const isPromised = item.pauses.promised?.is === "pause";
        report.check(!item.isPaused && !isPromised, 18, () => `${name} is held while it is paused`);
        report.check(
          lock.quantity === line.quantity,
          6,
          () => `${name} holds ${lock.quantity} of ${line.quantity}`,
        );
        report.check(
          counters.available >= line.quantity,
          1,
          () => `${name} took what was not there`,
        );
        const limit = line.limitPerCustomer;
        const units = item.unitsOf(order.customerId);
        report.check(
          limit === null || units <= limit,
          2,
          () => `${name}: the customer has ${units} of at most ${limit}`,
        );
        return;
      }
      case "refused": {
        const { reason, paused } = lock.shortage ?? { reason: "none" };
        const units = item.unitsOf(order.customerId) + line.quantity;
        const isJust = paused
          ? item.isPaused
          : (reason === "out_of_stock" && counters.available < line.quantity) ||
            (reason === "limit_exceeded" &&
              line.limitPerCustomer !== null &&
              units > line.limitPerCustomer);
        return report.check(
          isJust,
          3,
          () => `${name} was refused for ${reason} with ${counters.available} available`,
        );
      }
      case "sold":
        item.expected = { kind: "commit", orderId, quantity: lock.quantity };
        return report.check(
          order.status === "paid",
          6,
          () => `${name} is sold, and the order is ${order.status}`,
        );
      case "released": {
        if (from === "held") item.expected = { kind: "release", orderId, quantity: lock.quantity };
        const isOwed =
          order.status === "cancelled" ||
          (order.status === "pending" && this.#isRefused(orderId, order.lines));
        return report.check(
          isOwed,
          5,
          () => `${name} is released, and the order is ${order.status} and nowhere refused`,
        );
      }
    }
  }

  /** Only a recorded refusal starts compensation. */
  #isRefused(orderId: string, lines: readonly { sku: string }[]): boolean {
    return lines.some(({ sku }) => this.lock(sku, orderId)?.state === "refused");
  }

  #move(
    item: ItemModel,
    { kind, quantity, orderId, operationId, balance }: Observed & { what: "movement" },
  ): void {
    const { expected, counters, sku } = item;
    const report = this.#report;
    if (orderId !== null) {
      const isReturn = kind === "return" || kind === "write_off";
      const isExpected =
        expected?.kind === (isReturn ? "return" : kind) &&
        expected.orderId === orderId &&
        expected.quantity === quantity;
      report.check(
        isExpected,
        6,
        () => `${sku} moved ${kind} ${quantity} for ${orderId} out of turn`,
      );
      item.expected = null;
    }
    if (operationId !== null && orderId !== null) {
      const made = this.orders.money.returns.get(operationId);
      const isAsked =
        made?.orderId === orderId &&
        made.restock === (kind === "return") &&
        made.lines.some((line) => line.sku === sku && line.quantity === quantity);
      report.check(isAsked, 15, () => `${sku} booked ${kind} ${quantity} of ${operationId}`);
    }
    if (operationId !== null) {
      report.check(
        !item.operations.has(operationId),
        1,
        () => `${sku}: ${operationId} took effect twice`,
      );
      item.operations.add(operationId);
    }
    const c = { ...counters };
    if (kind === "lock") [c.available, c.held] = [c.available - quantity, c.held + quantity];
    else if (kind === "release")
      [c.available, c.held] = [c.available + quantity, c.held - quantity];
    else if (kind === "commit") [c.held, c.sold] = [c.held - quantity, c.sold + quantity];
    else if (kind === "return") [c.sold, c.available] = [c.sold - quantity, c.available + quantity];
    else if (kind === "write_off")
      [c.sold, c.received] = [c.sold - quantity, c.received - quantity];
    else [c.received, c.available] = [c.received + quantity, c.available + quantity];
    item.counters = c;
    this.#compare(item, { ...balance, received: c.received }, "ledger");
    if (c.available !== counters.available)
      item.availability.push({ at_ms: this.#now(), available: c.available });
  }

  #save(
    item: ItemModel,
    { counters, version, breaches, isPaused }: Observed & { what: "item" },
  ): void {
    const report = this.#report;
    const last = item.levels.get(item.version);
    this.#compare(item, counters, "row");
    const isMoved =
      last === undefined ||
      isPaused !== item.isPaused ||
      (Object.keys(counters) as (keyof Counters)[]).some((key) => last[key] !== counters[key]);
    report.check(
      version === item.version + (isMoved && version !== item.version ? 1 : 0),
      10,
      () => `${item.sku} went from version ${item.version} to ${version}`,
    );
    report.check(
      !isMoved || version > item.version || last === undefined,
      10,
      () => `${item.sku} moved and kept its version ${version}`,
    );
    if (isPaused !== item.isPaused) item.pausedFrom.push({ at_ms: this.#now(), isPaused });
    item.isPaused = isPaused;
    item.version = version;
    item.levels.set(version, counters);
    report.check(breaches === 0, 6, () => `${item.sku} counts ${breaches} breaches`);
  }

  #compare({ sku, counters: mine }: ItemModel, found: Counters, where: string): void {
    for (const key of ["received", "available", "held", "sold"] as const) {
      this.#report.check(
        found[key] === mine[key] && found[key] >= 0,
        1,
        () => `${sku} has ${key} ${found[key]} in its ${where}, ${mine[key]} by replay`,
      );
    }
    this.#report.check(
      mine.received === mine.available + mine.held + mine.sold,
      1,
      () => `${sku} does not add up`,
    );
  }
}

/**
 * A call writes its locks, then what they moved, then the counters: each lock that moved units is
 * put before its movement again, as they were decided.
 */
function inTurn(observed: readonly Observed[]): Observed[] {
  const isMovement = (fact: Observed) => fact.what === "movement" && fact.orderId !== null;
  const movements = observed.filter(isMovement);
  const inOrder = observed
    .filter((fact) => !isMovement(fact))
    .flatMap((fact) => (fact.what === "lock" ? [fact, ...movementOf(fact, movements)] : [fact]));
  return [...inOrder, ...movements];
}

/** Takes the next movement, if it is this lock's. */
function movementOf(lock: Observed & { what: "lock" }, movements: Observed[]): Observed[] {
  const [next] = movements;
  const isOwn = next?.what === "movement" && next.orderId === lock.orderId;
  return isOwn ? movements.splice(0, 1) : [];
}
