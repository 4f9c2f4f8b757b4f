import type { Report } from "./report.ts";
import type { OrderFact, OrdersObserved } from "./watch-orders.ts";

/**
 * What a reader of the changes has to hear: every step that was ever committed, once, in the order of
 * commits.
 */
export class ChangesModel {
  /** The steps of each commit that had any, as `type subject revision`. */
  readonly commits: string[][] = [];
  readonly #report: Report;
  readonly #isOn: boolean;
  readonly #orders = new Map<string, Pick<OrderFact, "revision" | "status">>();
  readonly #payments = new Map<string, string>();
  readonly #available = new Map<string, number>();

  constructor(report: Report, isOn: boolean) {
    this.#report = report;
    this.#isOn = isOn;
  }

  commit(facts: readonly OrdersObserved[]): void {
    const steps = facts.flatMap((fact) => {
      if (fact.what === "order") return this.#order(fact.order);
      if (fact.what === "payment") return this.#payment(fact.payment);
      return fact.what === "level" ? this.#level(fact.sku, fact.counters.available) : [];
    });
    if (steps.length > 0 && this.#isOn) this.commits.push(steps);
  }

  #order({ id, revision, status }: OrderFact): string[] {
    const before = this.#orders.get(id);
    if (before?.revision === revision) return [];
    this.#orders.set(id, { revision, status });
    const own = status === "paid" ? "returned" : "extended";
    const step = !before ? "placed" : before.status === status ? own : status;
    return [`order.${step} ${id} ${revision}`];
  }

  #payment({ reference, state }: { reference: string; state: string }): string[] {
    if (this.#payments.get(reference) === state) return [];
    this.#payments.set(reference, state);
    return [`payment.${state} ${reference}`];
  }

  #level(sku: string, available: number): string[] {
    const before = this.#available.get(sku) ?? 0;
    this.#available.set(sku, available);
    if (before > 0 === available > 0) return [];
    return [`item.${available > 0 ? "back_in_stock" : "sold_out"} ${sku}`];
  }

  /** Holds what a reader has heard so far against the commits, from the first one on. */
  check(heard: readonly string[], who: string): void {
    let at = 0;
    for (const commit of this.commits) {
      const own = heard.slice(at, at + commit.length);
      at += commit.length;
      // A reader may be in the midst of a commit, whose steps come in any order but an order's own.
      const isRight =
        new Set(own).size === own.length &&
        own.every((step) => commit.includes(step)) &&
        isInOrder(own);
      this.#report.check(isRight, 16, () => `${who} heard ${own.join()} of ${commit.join()}`);
      if (at >= heard.length) break;
    }
    this.#report.check(
      heard.length <= this.commits.flat().length,
      16,
      () => `${who} heard ${heard.slice(at).join()}, which was never committed`,
    );
  }
}

/** The revisions of each order grow. */
function isInOrder(steps: readonly string[]): boolean {
  const last = new Map<string, number>();
  return steps.every((step) => {
    const [, subject = "", revision = "0"] = step.split(" ");
    const isNext = Number(revision) >= (last.get(subject) ?? 0);
    last.set(subject, Number(revision));
    return isNext;
  });
}
