import type { KnownOrder } from "../model/orders.ts";
import type { System } from "../system.ts";
import { type Call, type Heard, HttpClient } from "./http-client.ts";
import type { TillStep } from "./steps.ts";

/**
 * The shop's till and its payment provider, whose notices come late, twice, out of order and for
 * wrong amounts; goods that come back; more time to pay. Every answer is held against the model.
 */

interface Notice {
  reference: string;
  orderId: string;
  amount: number;
  currency: string;
}

const TRIES = 3;
/** Names no order: money arrives for whatever the provider's page was told. */
const UNKNOWN = "order-of-another-shop";

export class Till {
  readonly http: HttpClient;
  readonly #system: System;
  readonly #notices: Notice[] = [];
  readonly #unanswered: Call[] = [];
  #returns = 0;

  constructor(system: System) {
    this.#system = system;
    this.http = new HttpClient(system, "till", { customerId: null, scope: "orders:pay" });
  }

  get requests(): number {
    return this.http.requests;
  }

  act(step: TillStep): Promise<void> {
    switch (step.do) {
      case "notice":
        return this.#notify(step);
      case "notice again":
        return this.#notifyAgain(step.which, step.isAltered);
      case "refunded":
        return this.#refund(step.which);
      case "extend":
        return this.#extend(step.which, step.seconds);
      case "return":
        return this.#takeBack(step);
    }
  }

  /** After the faults: the provider and the shop repeat what was never answered. */
  async finish(): Promise<void> {
    for (const call of this.#unanswered) {
      const heard = await this.http.insist(call, 4);
      this.#check(
        heard !== null,
        14,
        () => `${call.path} ${JSON.stringify(call.body)} gets no answer`,
      );
    }
    for (const notice of this.#notices) await this.#deliver(notice, notice, 4);
  }

  #orderAt(which: number, isFit: (order: KnownOrder) => boolean = () => true) {
    const all = [...this.#system.orders.orders.values()].filter(isFit);
    return all[which % Math.max(1, all.length)];
  }

  async #notify({ which, off, copies, isLate }: TillStep & { do: "notice" }): Promise<void> {
    const order = this.#orderAt(which);
    // The amount is known when the buyer pays, and the notice comes whenever it comes.
    const amount = Math.max(0, (order?.amountDue ?? 100) + off);
    const reference = `pi-${this.#notices.length + 1}`;
    const isStray = order === undefined || which % 17 === 0;
    const orderId = isStray ? UNKNOWN : order.id;
    const notice = { reference, orderId, amount, currency: "EUR" };
    this.#notices.push(notice);
    if (isLate && order) {
      await this.http.sleep(this.#system.orders.untilExpiry_ms(order.id) + (which % 5) * 700);
    }
    await Promise.all(Array.from({ length: copies }, () => this.#deliver(notice, notice)));
  }

  async #notifyAgain(which: number, isAltered: boolean): Promise<void> {
    const notice = this.#notices[which % Math.max(1, this.#notices.length)];
    if (!notice) return;
    await this.#deliver(isAltered ? { ...notice, amount: notice.amount + 1 } : notice, notice);
  }

  async #deliver(sent: Notice, first: Notice, tries = TRIES): Promise<void> {
    const call: Call = { method: "POST", path: "/v1/payments", body: sent };
    const heard = await this.http.insist(call, tries);
    if (!heard) return void this.#unanswered.push(call);
    const recorded = this.#system.orders.money.payments.get(sent.reference);
    const isKnown = recorded !== undefined;
    this.#check(
      isKnown,
      14,
      () => `${sent.reference} was answered ${heard.status}, and is nowhere`,
    );
    const { payment } = heard.body as { payment?: Notice };
    // Of two bodies with one reference, whichever came first is the payment.
    const isOwn = recorded?.amount === sent.amount;
    const isRight = isOwn ? [200, 201].includes(heard.status) : heard.status === 422;
    this.#check(isRight, 14, () => `${sent.reference} of ${sent.amount} → ${heard.status}`);
    this.#check(
      payment?.reference === first.reference && payment.amount === recorded?.amount,
      14,
      () => `${sent.reference} is shown as ${JSON.stringify(payment)}`,
    );
  }

  async #refund(which: number): Promise<void> {
    const notice = this.#notices[which % Math.max(1, this.#notices.length)];
    if (!notice) return;
    const { payments } = this.#system.orders.money;
    const path = `/v1/payments/${notice.reference}/refunded`;
    const heard = await this.http.insist({ method: "POST", path }, TRIES);
    if (!heard) return;
    const state = payments.get(notice.reference)?.state;
    const isRight =
      (heard.status === 200 && state === "refunded") ||
      (heard.status === 409 && state !== "refunded") ||
      (heard.status === 404 && !isHeardOf(payments.get(notice.reference), heard));
    this.#check(isRight, 14, () => `refunding ${notice.reference} → ${heard.status} (${state})`);
  }

  async #extend(which: number, seconds: number): Promise<void> {
    const order = this.#orderAt(which, ({ status }) => status === "confirmed");
    if (!order) return;
    const { id } = order;
    const call: Call = { method: "POST", path: `/v1/orders/${id}/extend`, body: { seconds } };
    const heard = await this.http.insist(call, 1);
    if (heard) {
      this.#check([200, 409].includes(heard.status), 4, () => `extending ${id} → ${heard.status}`);
    }
  }

  async #takeBack({ which, share, restock, copies }: TillStep & { do: "return" }): Promise<void> {
    const order = this.#orderAt(which, ({ status }) => status === "paid");
    const line = order?.lines[which % order.lines.length];
    if (!order || !line) return;
    const quantity = Math.max(1, Math.ceil(line.quantity * share));
    const call: Call = {
      method: "POST",
      path: `/v1/orders/${order.id}/returns`,
      body: { lines: [{ sku: line.sku, quantity }], restock, reason: "too small" },
      headers: { "Idempotency-Key": `return-${++this.#returns}` },
    };
    const answers = await Promise.all(
      Array.from({ length: copies }, () => this.http.insist(call, TRIES)),
    );
    const ids = new Set<string>();
    for (const heard of answers) {
      if (!heard) this.#unanswered.push(call);
      else this.#judgeReturn(heard, order.id, { sku: line.sku, quantity }, ids);
    }
    this.#check(ids.size <= 1, 15, () => `one key made the returns ${[...ids].join()}`);
  }

  #judgeReturn(
    heard: Heard,
    orderId: string,
    { sku, quantity }: { sku: string; quantity: number },
    ids: Set<string>,
  ): void {
    const { money, orders } = this.#system.orders;
    if (heard.status === 200 || heard.status === 201) {
      const { id } = (heard.body as { return: { id: string } }).return;
      ids.add(id);
      return this.#check(
        money.returns.has(id),
        15,
        () => `return ${id} was promised, and is nowhere`,
      );
    }
    const sold = orders.get(orderId)?.lines.find((line) => line.sku === sku)?.quantity ?? 0;
    const isTooMuch = money.returnedOf(orderId, sku) + quantity > sold;
    this.#check(
      heard.code === "return_exceeds_sold" && isTooMuch,
      15,
      () => `returning ${quantity} ${sku} of ${orderId} → ${heard.status} ${heard.code}`,
    );
  }

  #check(isKept: boolean, invariant: number, text: () => string): void {
    this.#system.report.check(isKept, invariant, text);
  }
}

/** A payment that nobody had recorded when this was asked may be there by now. */
const isHeardOf = (payment: unknown, { sent_ms, heard_ms }: Heard): boolean =>
  payment !== undefined && sent_ms === heard_ms;
