import type { D1Watcher } from "../platform/d1.ts";
import { serviceOf } from "../workload/services.ts";
import { ChangesModel } from "./changes.ts";
import type { ItemsModel } from "./items.ts";
import { MoneyModel } from "./money.ts";
import type { Report } from "./report.ts";
import { MAX_STATEMENTS, mayBePruned, PROMPT_MS, type Terms } from "./terms.ts";
import type { OrderFact, OrdersObserved } from "./watch-orders.ts";
import { WindowsModel } from "./windows.ts";

/** The reference model of D1: every committed row is held against what it was and may become. */

const NEXT: Record<string, readonly string[]> = {
  pending: ["confirmed", "cancelled"],
  confirmed: ["paid", "cancelled"],
};

export interface KnownOrder extends OrderFact {
  /** What it was called at each revision, from 1 on. */
  steps: string[];
  /** Since when its stock has owed something; null: nothing. */
  owedSince_ms: number | null;
  wasAskedAgain: boolean;
  /** How long it waits for its payment once it is confirmed; 0: for ever. */
  window_ms: number;
}

export const shownStatus = ({ status, returnedAt_ms }: OrderFact): string =>
  returnedAt_ms === null ? status : "returned";

export class OrdersModel implements D1Watcher {
  readonly orders = new Map<string, KnownOrder>();
  readonly keys = new Map<string, string>();
  /** Ids of all dead letters there ever were. */
  readonly letters = new Set<string>();
  readonly levels = new Map<string, number>();
  /** By the expired order that they replace. */
  readonly successors = new Map<string, KnownOrder>();
  readonly money: MoneyModel;
  readonly changes: ChangesModel;
  /** Orders that somebody asked to cancel, or to pay. */
  readonly wishes = { cancel: new Set<string>(), pay: new Set<string>() };
  items!: ItemsModel;
  /** Nothing but the stock Worker is away: expiries, which need D1 alone, come in time. */
  isExpiryPrompt = false;
  readonly #report: Report;
  readonly #now: () => number;
  readonly #terms: Terms;
  readonly #windows: WindowsModel;
  #pending: OrdersObserved[] = [];

  constructor(report: Report, now: () => number, terms: Terms) {
    this.#report = report;
    this.#now = now;
    this.#terms = terms;
    this.#windows = new WindowsModel(terms.paymentWindow_ms);
    this.changes = new ChangesModel(report, terms.isListing);
    this.money = new MoneyModel(report, this, now, terms.mayReorder);
  }

  onCall(statements: number): void {
    const say = () => `a call of D1 had ${statements} statements`;
    this.#report.check(statements <= MAX_STATEMENTS, 13, say);
  }

  /** A row has been written, in a transaction that may yet be rolled back. */
  observe(fact: OrdersObserved): void {
    this.#pending.push(fact);
  }

  onRollback(): void {
    this.#pending = [];
  }

  onCommit(): void {
    const pending = this.#pending;
    if (pending.length === 0) return;
    this.#pending = [];
    this.changes.commit(pending);
    for (const fact of pending) {
      if (fact.what === "order") this.#order(fact.order);
      else if (fact.what === "deleted") this.#deleted(fact.id);
      else if (fact.what === "letter") this.letters.add(fact.id);
      else if (fact.what === "payment") this.money.payment(fact.payment);
      else if (fact.what === "return") this.money.returned(fact.made);
      else if (fact.what === "item") {
        this.money.price(fact.sku, fact.amount);
        this.#windows.set(fact.sku, fact.paymentWindow_ms);
      } else if (fact.what === "level") this.#level(fact);
    }
    const isOfMoney = (what: string) => what === "order" || what === "payment";
    if (pending.some(({ what }) => isOfMoney(what))) this.money.check();
    for (const fact of pending) {
      if (fact.what !== "key") continue;
      this.keys.set(`${fact.customerId} ${fact.key}`, fact.orderId);
      const owner = this.orders.get(fact.orderId)?.customerId;
      this.#report.check(
        owner !== undefined && [owner, serviceOf(owner)].includes(fact.customerId),
        8,
        () =>
          `key ${fact.key} of ${fact.customerId} is bound to ${fact.orderId} of ${owner ?? "nobody"}`,
      );
    }
  }

  #deleted(id: string): void {
    const isOld = mayBePruned(this.orders.get(id), this.#terms.orderRetention_ms, this.#now());
    const mayGo = isOld && !this.money.isReturning(id);
    this.#report.check(mayGo, 8, () => `order ${id} was deleted`);
  }

  /** Until about when an order's time to pay is over, and the reconciler comes for it. */
  untilExpiry_ms(id: string): number {
    const payBy_ms = this.orders.get(id)?.payBy_ms ?? null;
    return payBy_ms === null ? 0 : Math.max(0, payBy_ms - this.#now() + (payBy_ms % 7) * 3);
  }

  #order(fact: OrderFact): void {
    const report = this.#report;
    const before = this.orders.get(fact.id);
    const { id, status, revision } = fact;
    const owes = (since_ms: number) => (fact.awaits === null ? null : since_ms);
    if (!before) {
      report.check(
        status === "pending" && revision === 1 && fact.awaits === "lock",
        4,
        () => `${id} began as ${status}, revision ${revision}`,
      );
      const order: KnownOrder = {
        ...fact,
        steps: [status],
        owedSince_ms: owes(this.#now()),
        wasAskedAgain: false,
        window_ms: this.#windows.of(fact.lines),
      };
      this.orders.set(id, order);
      if (fact.successorOf !== null) this.#succeeds(order, fact.successorOf);
      return;
    }
    report.check(
      fact.customerId === before.customerId &&
        JSON.stringify(fact.lines) === JSON.stringify(before.lines),
      4,
      () => `${id} changed its customer or lines`,
    );
    if (status === before.status) {
      const isStep = revision === before.revision + 1 && this.#isStep(fact, before);
      report.check(
        revision === before.revision || isStep,
        4,
        () => `${id} went to revision ${revision} and stayed ${status}`,
      );
      const steps = isStep ? [...before.steps, shownStatus(fact)] : before.steps;
      if (before.awaits !== null && fact.awaits === null) this.#acknowledged(fact, before.awaits);
      const isAskedAgain = before.awaits === null && fact.awaits !== null;
      const since_ms = isAskedAgain ? this.#now() : before.owedSince_ms;
      const wasAskedAgain = before.wasAskedAgain || isAskedAgain;
      const owedSince_ms = owes(since_ms ?? this.#now());
      Object.assign(before, fact, { steps, owedSince_ms, wasAskedAgain });
      return;
    }
    report.check(
      NEXT[before.status]?.includes(status) === true,
      4,
      () => `${id} went from ${before.status} to ${status}`,
    );
    report.check(
      revision === before.revision + 1,
      4,
      () => `${id} went from revision ${before.revision} to ${revision}`,
    );
    report.check(
      fact.history.length === revision &&
        fact.history.every((step, i) => step === [...before.steps, status][i]),
      4,
      () => `${id} at revision ${revision} has the history ${fact.history.join()}`,
    );
    this.#moved(fact, before);
    Object.assign(before, fact, {
      steps: [...before.steps, status],
      owedSince_ms: owes(this.#now()),
    });
  }

  /** A successor is what its order was, and the only one. */
  #succeeds(order: KnownOrder, of: string): void {
    const before = this.orders.get(of);
    const isAlike =
      before?.customerId === order.customerId &&
      before.amountDue === order.amountDue &&
      JSON.stringify(before.lines) === JSON.stringify(order.lines);
    const hasOrderedAgain = before && this.money.hasOrderedAgain(before, order.id);
    this.#report.check(
      isAlike &&
        before.reason === "payment_timeout" &&
        !hasOrderedAgain &&
        !this.successors.has(of),
      14,
      () => `${order.id} succeeds ${of}, which is ${before?.status} (${before?.reason})`,
    );
    this.successors.set(of, order);
  }

  /** What else than a new status is a revision: more time to pay, and units that came back. */
  #isStep(fact: OrderFact, before: KnownOrder): boolean {
    const { id, status, payBy_ms, lines, returned } = fact;
    if (status === "confirmed") return (payBy_ms ?? 0) > (before.payBy_ms ?? 0);
    if (status !== "paid") return false;
    const isAllBack = lines.every(({ sku, quantity }) => returned[sku] === quantity);
    this.#report.check(
      lines.every(({ sku, quantity }) => (returned[sku] ?? 0) <= quantity),
      15,
      () => `${id} has more units returned than sold: ${JSON.stringify(returned)}`,
    );
    this.#report.check(
      (fact.returnedAt_ms !== null) === isAllBack,
      15,
      () => `${id} is ${shownStatus(fact)} with ${JSON.stringify(returned)} returned`,
    );
    return JSON.stringify(returned) !== JSON.stringify(before.returned);
  }

  /** Whether this move was right at this moment, by what the items hold and by who asked for it. */
  #moved(fact: OrderFact, before: KnownOrder): void {
    const report = this.#report;
    const { id, status, reason } = fact;
    const states = this.#lockStates(fact);
    const now_ms = this.#now();
    const say = (text: string) => () =>
      `${id} is ${status} (${reason}), but ${text}; at the items: ${states.join()}`;
    if (status === "confirmed") {
      report.check(
        states.every((state) => state === "held"),
        5,
        say("not every line is held"),
      );
      const { payBy_ms, placedAt_ms, updatedAt_ms, amountDue } = fact;
      const { window_ms } = before;
      const endsAt_ms = window_ms === 0 || amountDue === 0 ? null : updatedAt_ms + window_ms;
      report.check(
        payBy_ms === endsAt_ms && updatedAt_ms >= placedAt_ms && updatedAt_ms <= now_ms,
        4,
        say(`has until ${payBy_ms} to pay and not ${endsAt_ms}, now is ${now_ms}`),
      );
      report.check(
        fact.payBy_ms === null || fact.dueAt_ms !== null,
        7,
        say("nobody will look when it expires"),
      );
    } else if (status === "paid") {
      report.check(fact.awaits === "commit", 4, say(`it awaits ${fact.awaits}`));
      report.check(
        states.every((state) => state === "held"),
        5,
        say("not every line is held"),
      );
    } else if (reason === "customer_request") {
      report.check(this.wishes.cancel.has(id), 4, say("nobody asked for it"));
      report.check(fact.awaits === "release", 5, say(`it awaits ${fact.awaits}`));
    } else if (reason === "payment_timeout") {
      const isLate = before.payBy_ms !== null && before.payBy_ms <= now_ms;
      report.check(before.status === "confirmed" && isLate, 4, say("its time to pay was not over"));
      const isInTime = !this.isExpiryPrompt || now_ms - (before.payBy_ms ?? now_ms) < PROMPT_MS;
      report.check(isInTime, 7, say(`its time to pay was over at ${before.payBy_ms}`));
      report.check(fact.awaits === "release", 5, say(`it awaits ${fact.awaits}`));
    } else if (fact.awaits === "release") {
      const isLate = before.placedAt_ms + this.#terms.lockDeadline_ms <= now_ms;
      report.check(
        reason === "lock_timeout" && isLate && this.#terms.lockDeadline_ms > 0,
        4,
        say("its deadline was not over"),
      );
    } else {
      report.check(states.includes("refused"), 3, say("no item has refused it"));
      const recorded = this.items.whyRefused(id, fact.lines);
      report.check(reason === recorded, 3, say(`its items say ${recorded}`));
      report.check(
        !states.includes("held") && !states.includes("sold"),
        5,
        say("an item holds it"),
      );
    }
  }

  #acknowledged(fact: OrderFact, awaited: string): void {
    const states = this.#lockStates(fact);
    const isDone = (state: string) =>
      awaited === "commit" ? state === "sold" : state === "released" || state === "refused";
    this.#report.check(
      states.every(isDone),
      awaited === "commit" ? 2 : 5,
      () => `${fact.id} counts as settled (${awaited}); at the items: ${states.join()}`,
    );
  }

  #lockStates({ id, lines }: OrderFact): string[] {
    return lines.map(({ sku }) => this.items.lock(sku, id)?.state ?? "unknown");
  }

  #level({ sku, version, counters }: OrdersObserved & { what: "level" }): void {
    const before = this.levels.get(sku) ?? 0;
    this.levels.set(sku, version);
    if (version === 0) return;
    this.#report.check(
      version >= before,
      10,
      () => `${sku}: level ${version} was written over ${before}`,
    );
    const own = this.items.item(sku).levels.get(version);
    this.#report.check(
      own !== undefined && JSON.stringify(own) === JSON.stringify(counters),
      10,
      () =>
        `${sku}: level ${version} is ${JSON.stringify(counters)} in D1 and ${JSON.stringify(own)} at the item`,
    );
  }
}
